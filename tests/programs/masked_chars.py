"""Masked language model over characters: a small encoder fills the gaps in the standard library's docstrings.

15 % of the characters are chosen; of these 80 % are hidden, 10 % replaced and 10 % left. Output weights are tied to the embedding,
weight decay spares norms and biases, the learning rate warms up linearly and then follows a cosine.
"""
import ast
import math
import sysconfig
from pathlib import Path

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.optim.lr_scheduler import LambdaLR

BLOCK, BATCH, STEPS, WARMUP = 32, 32, 180, 15
MASK, PAD = 0, 1
ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789 .,'()`-_:\n"
IDS = {c: i + 2 for i, c in enumerate(ALPHABET)}
VOCAB = len(ALPHABET) + 2


def docstrings(limit=120_000):
    text, size = [], 0
    for file in sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py")):
        try:
            tree = ast.parse(file.read_text(encoding="utf-8"))
        except (SyntaxError, UnicodeDecodeError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and (doc := ast.get_docstring(node)):
                clean = "".join(c for c in doc.lower() if c in IDS)
                text.append(clean)
                size += len(clean)
        if size > limit:
            break
    return torch.tensor([IDS[c] for c in "\n".join(text)[:limit]])


def batch_of(data, generator):
    starts = torch.randint(len(data) - BLOCK, (BATCH,), generator=generator)
    lengths = torch.randint(BLOCK // 2, BLOCK + 1, (BATCH,), generator=generator)
    tokens = torch.stack([data[s : s + BLOCK] for s in starts])
    pad = torch.arange(BLOCK)[None] >= lengths[:, None]
    tokens = tokens.masked_fill(pad, PAD)
    chosen = (torch.rand(tokens.shape, generator=generator) < 0.15) & ~pad
    labels = torch.where(chosen, tokens, -100)
    dice = torch.rand(tokens.shape, generator=generator)
    inputs = torch.where(chosen & (dice < 0.8), MASK, tokens)
    random_tokens = torch.randint(2, VOCAB, tokens.shape, generator=generator)
    inputs = torch.where(chosen & (dice > 0.9), random_tokens, inputs)
    return inputs, labels, pad


class Encoder(nn.Module):
    def __init__(self, width=48, heads=4, layers=2):
        super().__init__()
        self.tokens = nn.Embedding(VOCAB, width, padding_idx=PAD)
        self.places = nn.Conv1d(width, width, kernel_size=5, padding=2)  # where a character stands, told by its neighbours
        layer = nn.TransformerEncoderLayer(width, heads, 2 * width, dropout=0.05, batch_first=True, norm_first=True, activation="gelu")
        self.layers = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, VOCAB)
        nn.init.normal_(self.tokens.weight, std=0.1)
        self.head.weight = self.tokens.weight

    def forward(self, inputs, pad):
        h = self.tokens(inputs)
        h = h + F.gelu(self.places(h.transpose(1, 2))).transpose(1, 2)
        return self.head(self.norm(self.layers(h, src_key_padding_mask=pad)))


def configure_optimizer(model):
    decay = [p for p in model.parameters() if p.dim() >= 2]
    rest = [p for p in model.parameters() if p.dim() < 2]
    groups = [{"params": decay, "weight_decay": 0.05}, {"params": rest, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=8e-3, betas=(0.9, 0.98))


def warmup_cosine(step):
    if step < WARMUP:
        return (step + 1) / WARMUP
    return 0.5 * (1 + math.cos(math.pi * (step - WARMUP) / max(1, STEPS - WARMUP)))


@torch.no_grad()
def evaluate(model, data, rounds=4):
    model.eval()
    generator = torch.Generator().manual_seed(0)
    loss = hits = count = 0
    for _ in range(rounds):
        inputs, labels, pad = batch_of(data, generator)
        logits = model(inputs, pad)
        loss += F.cross_entropy(logits.transpose(1, 2), labels, reduction="sum").item()
        known = labels != -100
        hits += (logits.argmax(-1) == labels)[known].sum().item()
        count += known.sum().item()
    model.train()
    return loss / count, hits / count


torch.manual_seed(14)
data = docstrings()
train_data, val_data = data[: int(0.9 * len(data))], data[int(0.9 * len(data)) :]
generator = torch.Generator().manual_seed(14)
model = Encoder()
optimizer = configure_optimizer(model)
scheduler = LambdaLR(optimizer, warmup_cosine)
lossi = []
for step in range(STEPS):
    inputs, labels, pad = batch_of(train_data, generator)
    logits = model(inputs, pad)
    loss = F.cross_entropy(logits.view(-1, VOCAB), labels.view(-1), ignore_index=-100)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    scheduler.step()
    lossi.append(loss.item())
    if step % 45 == 44:
        val_loss, acc = evaluate(model, val_data)
        print(f"step {step + 1:4d} train {sum(lossi[-50:]) / 50:.3f} val {val_loss:.3f} filled right {acc:.3f}")
