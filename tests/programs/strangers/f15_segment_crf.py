"""Linear-chain CRF on top of a BiLSTM; sequences get longer in stages (short ones first)."""
import argparse
import time

import numpy as np
import torch
import torch.nn as nn
from torch.nn.utils.rnn import pad_sequence

TAGS = ["out", "open", "in", "close"]  # a segment is open in* close
STAGES = [(8, 2), (16, 2), (28, 3)]  # (longest sequence, epochs)


def make_sequence(rng, length):
    """Symbols are emitted with noise, so the tag grammar is needed to read them."""
    tags, t = [], 0
    while t < length:
        if rng.random() < 0.4 and length - t >= 2:
            inner = min(int(rng.integers(0, 5)), length - t - 2)
            tags += [1] + [2] * inner + [3]
        else:
            tags += [0] * min(int(rng.integers(1, 5)), length - t)
        t = len(tags)
    symbols = [int(rng.integers(0, 12)) if rng.random() < 0.3 else 3 * k + int(rng.integers(0, 3)) for k in tags]
    return torch.tensor(symbols), torch.tensor(tags)


def corpus(n, shortest, longest, seed):
    rng = np.random.default_rng(seed)
    return [make_sequence(rng, int(rng.integers(shortest, longest + 1))) for _ in range(n)]


def collate(items):
    lengths = torch.tensor([len(s) for s, _ in items])
    symbols = pad_sequence([s for s, _ in items], batch_first=True)
    tags = pad_sequence([t for _, t in items], batch_first=True)
    mask = torch.arange(symbols.shape[1])[None] < lengths[:, None]
    return symbols, tags, mask


class Crf(nn.Module):
    def __init__(self, k):
        super().__init__()
        self.first = nn.Parameter(torch.zeros(k))
        self.last = nn.Parameter(torch.zeros(k))
        self.trans = nn.Parameter(torch.zeros(k, k))  # [from, to]

    def nll(self, e, tags, mask):
        b, n, _ = e.shape
        rows = torch.arange(b)
        gold = self.first[tags[:, 0]] + e[rows, 0, tags[:, 0]]
        alpha = self.first + e[:, 0]
        for t in range(1, n):
            on = mask[:, t]
            gold = gold + on * (self.trans[tags[:, t - 1], tags[:, t]] + e[rows, t, tags[:, t]])
            nxt = torch.logsumexp(alpha[:, :, None] + self.trans, dim=1) + e[:, t]
            alpha = torch.where(on[:, None], nxt, alpha)
        end = mask.sum(1) - 1
        gold = gold + self.last[tags[rows, end]]
        return torch.logsumexp(alpha + self.last, dim=1) - gold

    @torch.no_grad()
    def decode(self, e, mask):
        b, n, k = e.shape
        score, back = self.first + e[:, 0], []
        for t in range(1, n):
            best, arg = (score[:, :, None] + self.trans).max(1)
            on = mask[:, t][:, None]
            back.append(torch.where(on, arg, torch.arange(k)))
            score = torch.where(on, best + e[:, t], score)
        cur = (score + self.last).argmax(1)
        path = [cur]
        for arg in reversed(back):
            cur = arg.gather(1, cur[:, None])[:, 0]
            path.append(cur)
        return torch.stack(path[::-1], dim=1)


class Tagger(nn.Module):
    def __init__(self, hidden=24):
        super().__init__()
        self.emb = nn.Embedding(12, 16)
        self.rnn = nn.LSTM(16, hidden, batch_first=True, bidirectional=True)
        self.drop = nn.Dropout(0.1)
        self.out = nn.Linear(2 * hidden, len(TAGS))
        self.crf = Crf(len(TAGS))

    def emissions(self, symbols, mask):
        packed = nn.utils.rnn.pack_padded_sequence(
            self.emb(symbols), mask.sum(1), batch_first=True, enforce_sorted=False)
        h, _ = nn.utils.rnn.pad_packed_sequence(self.rnn(packed)[0], batch_first=True, total_length=symbols.shape[1])
        return self.out(self.drop(h))

    def loss(self, symbols, tags, mask):
        return self.crf.nll(self.emissions(symbols, mask), tags, mask).mean()


def evaluate(model, data):
    model.eval()
    right = count = whole = 0
    for i in range(0, len(data), 100):
        symbols, tags, mask = collate(data[i:i + 100])
        with torch.no_grad():
            path = model.crf.decode(model.emissions(symbols, mask), mask)
        ok = (path == tags) | ~mask
        right += (ok & mask).sum().item()
        count += mask.sum().item()
        whole += ok.all(1).sum().item()
    return right / count, whole / len(data)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--n", type=int, default=500)
    ap.add_argument("--batch", type=int, default=40)
    ap.add_argument("--lr", type=float, default=8e-3)
    ap.add_argument("--seed", type=int, default=6)
    a = ap.parse_args()
    torch.manual_seed(a.seed)
    test = corpus(250, 20, 28, seed=1000 + a.seed)
    model = Tagger()
    start = time.time()
    opt = torch.optim.Adam(model.parameters(), lr=a.lr)
    for stage, (longest, epochs) in enumerate(STAGES):
        data = corpus(a.n, max(3, longest // 2), longest, seed=a.seed + stage)
        for epoch in range(epochs):
            model.train()
            total = 0.0
            order = torch.randperm(len(data)).tolist()
            for i in range(0, len(order), a.batch):
                batch = collate([data[j] for j in order[i:i + a.batch]])
                loss = model.loss(*batch)
                opt.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(model.parameters(), 5.0)
                opt.step()
                total += loss.item() * a.batch
            tok, seq = evaluate(model, test)
            print(f"stage {stage} (up to {longest:2d}) epoch {epoch}  nll per sequence {total / len(order):6.3f}  "
                  f"test tags {tok:.4f}  whole sequences {seq:.3f}  {time.time() - start:.1f}s")
    print("transitions:\n" + "\n".join(f"  {TAGS[i]:>5} " + " ".join(f"{v:6.2f}" for v in row)
                                       for i, row in enumerate(model.crf.trans.tolist())))


if __name__ == "__main__":
    main()
