"""Guess which modules a piece of Python needs from its names alone: a bag of hashed words, many labels at once.

The data are the standard library's own sources, cut into pieces of a hundred lines with the import lines taken out.
Sparse embedding gradients, two optimizers, `pos_weight` against the rarity of most tags.
"""
import re
import sysconfig
import zlib
from collections import Counter
from pathlib import Path

import torch
from torch import nn

BUCKETS = 4096
TAGS = ["os", "sys", "re", "time", "io", "types", "functools", "collections", "threading", "socket", "struct", "warnings"]
WORD = re.compile(r"[A-Za-z_]{2,}")


def read_pieces(limit=160):
    pieces = []
    files = sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py"))[:limit]
    for file in files:
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
        imports = " ".join(line for line in lines if re.match(r"\s*(import|from)\b", line))
        tags = [float(tag in WORD.findall(imports)) for tag in TAGS]
        body = [line for line in lines if not re.match(r"\s*(import|from)\b", line)]
        for start in range(0, len(body), 100):
            words = WORD.findall("\n".join(body[start : start + 100]))
            if len(words) > 30:
                hashed = [zlib.crc32(w.encode()) % BUCKETS for w in words]
                pieces.append((torch.tensor(sorted(set(hashed))), torch.tensor(tags)))
    return pieces


def batches(pieces, size, generator=None):
    order = torch.randperm(len(pieces), generator=generator).tolist() if generator else range(len(pieces))
    order = list(order)
    for i in range(0, len(order), size):
        chosen = [pieces[j] for j in order[i : i + size]]
        words = [w for w, _ in chosen]
        offsets = torch.tensor([0] + [len(w) for w in words[:-1]]).cumsum(0)
        yield torch.cat(words), offsets, torch.stack([t for _, t in chosen])


class Tagger(nn.Module):
    def __init__(self, width=24):
        super().__init__()
        self.bag = nn.EmbeddingBag(BUCKETS, width, mode="mean", sparse=True)
        self.body = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 48), nn.ReLU(), nn.Dropout(0.3))
        self.tags = nn.Linear(48, len(TAGS))

    def forward(self, words, offsets):
        return self.tags(self.body(self.bag(words, offsets)))


def f1(model, pieces):
    counts = Counter()
    model.eval()
    with torch.no_grad():
        for words, offsets, tags in batches(pieces, 64):
            guess, true = model(words, offsets) > 0, tags.bool()
            counts["hit"] += int((guess & true).sum())
            counts["guessed"] += int(guess.sum())
            counts["true"] += int(true.sum())
    model.train()
    return 2 * counts["hit"] / max(1, counts["guessed"] + counts["true"])


def main():
    torch.manual_seed(6)
    generator = torch.Generator().manual_seed(6)
    pieces = read_pieces()
    cut = [pieces[i] for i in torch.randperm(len(pieces), generator=generator).tolist()]
    held_out, train = cut[: len(cut) // 5], cut[len(cut) // 5 :]
    frequency = torch.stack([t for _, t in train]).mean(0).clamp(min=0.01)
    print(f"{len(train)} pieces to learn from, {len(held_out)} held out")

    model = Tagger()
    criterion = nn.BCEWithLogitsLoss(pos_weight=((1 - frequency) / frequency).clamp(max=20))
    sparse = torch.optim.SparseAdam(list(model.bag.parameters()), lr=0.02)
    dense = torch.optim.Adam([p for n, p in model.named_parameters() if not n.startswith("bag")], lr=3e-3)
    print(f"before: F1 {f1(model, held_out):.3f}")
    for epoch in range(8):
        sums, n = 0.0, 0
        for words, offsets, tags in batches(train, 32, generator):
            for optimizer in (sparse, dense):
                optimizer.zero_grad()
            loss = criterion(model(words, offsets), tags)
            loss.backward()
            sparse.step()
            dense.step()
            sums, n = sums + loss.item() * len(tags), n + len(tags)
        print(f"epoch {epoch}: loss {sums / n:.4f} F1 {f1(model, held_out):.3f}")


main()
