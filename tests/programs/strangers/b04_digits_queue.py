# momentum contrast on 8x8 digits, CPU toy version
import copy
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split


@dataclass
class Cfg:
    dim: int = 16
    width: int = 128
    queue: int = 256
    momentum: float = 0.99
    temp: float = 0.1
    batch: int = 64
    epochs: int = 40
    lr: float = 2e-3
    seed: int = 5


def augment(x):
    """Random one-pixel shift, brightness, noise and a dropped patch, independently per image."""
    n = x.shape[0]
    img = F.pad(x.view(n, 8, 8), (1, 1, 1, 1))
    rows = torch.arange(8).view(1, 8, 1) + torch.randint(0, 3, (n, 1, 1))
    cols = torch.arange(8).view(1, 1, 8) + torch.randint(0, 3, (n, 1, 1))
    img = img[torch.arange(n).view(n, 1, 1), rows, cols]
    img = img * torch.empty(n, 1, 1).uniform_(0.7, 1.3)
    top, left = torch.randint(0, 7, (n, 1, 1)), torch.randint(0, 7, (n, 1, 1))
    r, c = torch.arange(8).view(1, 8, 1), torch.arange(8).view(1, 1, 8)
    hole = (r >= top) & (r < top + 2) & (c >= left) & (c < left + 2)
    img = img.masked_fill(hole, 0.0)
    return img.flatten(1) + 0.05 * torch.randn(n, 64)


def make_encoder(cfg):
    return nn.Sequential(nn.Linear(64, cfg.width), nn.ReLU(), nn.Linear(cfg.width, cfg.width), nn.ReLU(),
                         nn.Linear(cfg.width, cfg.dim))


class MoCo(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.cfg = cfg
        self.enc_q = make_encoder(cfg)
        self.enc_k = copy.deepcopy(self.enc_q)
        for p in self.enc_k.parameters():
            p.requires_grad = False
        self.register_buffer("bank", F.normalize(torch.randn(cfg.dim, cfg.queue), dim=0))
        self.ptr = 0

    @torch.no_grad()
    def follow(self):
        m = self.cfg.momentum
        for q, k in zip(self.enc_q.parameters(), self.enc_k.parameters()):
            k.data = k.data * m + q.data * (1.0 - m)

    @torch.no_grad()
    def push(self, keys):
        n = keys.shape[0]
        self.bank[:, self.ptr:self.ptr + n] = keys.T
        self.ptr = (self.ptr + n) % self.cfg.queue

    def forward(self, a, b):
        q = F.normalize(self.enc_q(a), dim=1)
        with torch.no_grad():
            self.follow()
            k = F.normalize(self.enc_k(b), dim=1)
        l_pos = (q * k).sum(1, keepdim=True)
        l_neg = q @ self.bank.clone()
        logits = torch.cat([l_pos, l_neg], dim=1) / self.cfg.temp
        self.push(k)
        return F.cross_entropy(logits, torch.zeros(len(q), dtype=torch.long))


def probe(enc, xtr, ytr, xte, yte):
    enc.eval()
    with torch.no_grad():
        ftr, fte = (F.normalize(enc(x), dim=1).numpy() for x in (xtr, xte))
    enc.train()
    return LogisticRegression(C=10.0, max_iter=500).fit(ftr, ytr).score(fte, yte)


def main(cfg=Cfg()):
    torch.manual_seed(cfg.seed)
    np.random.seed(cfg.seed)
    X, y = load_digits(return_X_y=True)
    xtr, xte, ytr, yte = train_test_split(X / 16.0, y, test_size=0.3, stratify=y, random_state=cfg.seed)
    xtr, xte = (torch.tensor(v, dtype=torch.float32) for v in (xtr, xte))
    net = MoCo(cfg)
    print(f"linear probe before training: {probe(net.enc_q, xtr, ytr, xte, yte):.3f}")
    opt = torch.optim.Adam(net.enc_q.parameters(), lr=cfg.lr)
    for ep in range(cfg.epochs):
        seen = 0.0
        chunks = [c for c in torch.randperm(len(xtr)).split(cfg.batch) if len(c) == cfg.batch]
        for idx in chunks:
            loss = net(augment(xtr[idx]), augment(xtr[idx]))
            opt.zero_grad()
            loss.backward()
            opt.step()
            seen += loss.item()
        if ep % 4 == 3:
            print(f"epoch {ep + 1:2d}  info-nce {seen / len(chunks):.3f}")
    print(f"linear probe after training:  {probe(net.enc_q, xtr, ytr, xte, yte):.3f}")


if __name__ == "__main__":
    main()
