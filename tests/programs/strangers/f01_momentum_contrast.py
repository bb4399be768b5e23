"""MoCo-style pretraining on the 8x8 digits, followed by a linear probe.

The dictionary starts empty and is filled with keys as they arrive.
"""
import argparse
from collections import deque
from copy import deepcopy

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split


class Encoder(nn.Module):
    def __init__(self, width=16, out=32):
        super().__init__()
        self.trunk = nn.Sequential(
            nn.Conv2d(1, width, 3, padding=1), nn.GroupNorm(4, width), nn.ReLU(),
            nn.Conv2d(width, 2 * width, 3, stride=2, padding=1), nn.GroupNorm(4, 2 * width), nn.ReLU(),
            nn.Conv2d(2 * width, 2 * width, 3, stride=2, padding=1), nn.ReLU(),
            nn.Flatten(),
        )
        feat = 2 * width * 4
        self.proj = nn.Sequential(nn.Linear(feat, 64), nn.ReLU(), nn.Linear(64, out))

    def forward(self, x):
        return F.normalize(self.proj(self.trunk(x)), dim=1)


def augment(x, g):
    """Random shift by at most one pixel, contrast change, noise and a small erased square."""
    n = len(x)
    pad = F.pad(x, (1, 1, 1, 1))
    out = torch.empty_like(x)
    dx = torch.randint(0, 3, (n,), generator=g)
    dy = torch.randint(0, 3, (n,), generator=g)
    for a in range(3):
        for b in range(3):
            pick = (dx == a) & (dy == b)
            out[pick] = pad[pick][:, :, a:a + 8, b:b + 8]
    scale = 0.7 + 0.6 * torch.rand(n, 1, 1, 1, generator=g)
    out = out * scale + 0.08 * torch.randn(out.shape, generator=g)
    r = torch.randint(0, 7, (n,), generator=g)
    c = torch.randint(0, 7, (n,), generator=g)
    rows, cols = torch.arange(8).view(1, 8, 1), torch.arange(8).view(1, 1, 8)
    r, c = r.view(-1, 1, 1), c.view(-1, 1, 1)
    hole = (rows >= r) & (rows < r + 2) & (cols >= c) & (cols < c + 2)
    return out.masked_fill(hole.unsqueeze(1), 0.0)


class MoCo:
    def __init__(self, momentum, temperature, capacity):
        self.query = Encoder()
        self.key = deepcopy(self.query)
        self.key.requires_grad_(False)
        self.m, self.t = momentum, temperature
        self.bank = deque(maxlen=capacity)

    @torch.no_grad()
    def drag(self):
        for pk, pq in zip(self.key.parameters(), self.query.parameters()):
            pk.lerp_(pq, 1 - self.m)

    def loss(self, a, b):
        q = self.query(a)
        with torch.no_grad():
            self.drag()
            k = self.key(b)
        pos = (q * k).sum(1, keepdim=True)
        logits = pos
        if self.bank:
            neg = q @ torch.cat(list(self.bank)).T
            logits = torch.cat([pos, neg], dim=1)
        self.bank.append(k)
        # the positive always sits in column zero
        return F.cross_entropy(logits / self.t, torch.zeros(len(q), dtype=torch.long))


def probe(model, xtr, ytr, xte, yte):
    with torch.no_grad():
        ftr, fte = model.query.trunk(xtr).numpy(), model.query.trunk(xte).numpy()
    mu, sd = ftr.mean(0), ftr.std(0) + 1e-6
    clf = LogisticRegression(max_iter=400, C=0.3)
    pick = slice(0, 60)  # only sixty labels for the probe
    clf.fit(((ftr - mu) / sd)[pick], ytr[pick])
    return clf.score((fte - mu) / sd, yte)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--epochs", type=int, default=10)
    ap.add_argument("--batch", type=int, default=64)
    ap.add_argument("--lr", type=float, default=1.5e-3)
    ap.add_argument("--momentum", type=float, default=0.99)
    ap.add_argument("--temperature", type=float, default=0.2)
    ap.add_argument("--bank", type=int, default=4, help="number of batches kept")
    ap.add_argument("--seed", type=int, default=4)
    args = ap.parse_args()

    torch.manual_seed(args.seed)
    g = torch.Generator().manual_seed(args.seed)
    x, y = load_digits(return_X_y=True)
    xtr, xte, ytr, yte = train_test_split(x, y, test_size=0.3, stratify=y, random_state=0)
    xtr = torch.tensor(xtr / 16, dtype=torch.float32).view(-1, 1, 8, 8)
    xte = torch.tensor(xte / 16, dtype=torch.float32).view(-1, 1, 8, 8)

    moco = MoCo(args.momentum, args.temperature, args.bank)
    opt = torch.optim.AdamW(moco.query.parameters(), lr=args.lr, weight_decay=1e-4)
    per_epoch = len(xtr) // args.batch
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, args.epochs * per_epoch)
    print(f"untrained trunk, probe accuracy {probe(moco, xtr, ytr, xte, yte):.3f}")
    for epoch in range(args.epochs):
        order = torch.randperm(len(xtr), generator=g)
        total = 0.0
        for i in range(per_epoch):
            xb = xtr[order[i * args.batch:(i + 1) * args.batch]]
            loss = moco.loss(augment(xb, g), augment(xb, g))
            opt.zero_grad()
            loss.backward()
            opt.step()
            sched.step()
            total += loss.item()
        if epoch % 3 == 0:
            print(f"epoch {epoch:2d}  infonce {total / per_epoch:.3f}  keys {args.batch * len(moco.bank):4d}  "
                  f"probe {probe(moco, xtr, ytr, xte, yte):.3f}")


if __name__ == "__main__":
    main()
