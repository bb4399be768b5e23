import math

import torch
import torch.nn.functional as F
from torch import nn


class Block(nn.Module):
    def __init__(self, d, heads, drop):
        super().__init__()
        self.heads = heads
        self.n1, self.n2 = nn.LayerNorm(d), nn.LayerNorm(d)
        self.qkv, self.out = nn.Linear(d, 3 * d), nn.Linear(d, d)
        self.ff = nn.Sequential(nn.Linear(d, 2 * d), nn.GELU(), nn.Dropout(drop), nn.Linear(2 * d, d))
        self.drop = nn.Dropout(drop)

    def forward(self, x, allowed):
        b, t, d = x.shape
        q, k, v = (z.view(b, t, self.heads, -1).transpose(1, 2) for z in self.qkv(self.n1(x)).chunk(3, -1))
        att = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
        att = att.masked_fill(~allowed, float("-inf")).softmax(-1)
        y = (self.drop(att) @ v).transpose(1, 2).reshape(b, t, d)
        x = x + self.drop(self.out(y))
        return x + self.drop(self.ff(self.n2(x)))


class SASRec(nn.Module):
    def __init__(self, n_items, maxlen, d=48, heads=2, layers=2, drop=0.15):
        super().__init__()
        self.items = nn.Embedding(n_items + 1, d, padding_idx=0)
        self.places = nn.Embedding(maxlen, d)
        nn.init.normal_(self.items.weight, std=d ** -0.5)
        with torch.no_grad():
            self.items.weight[0].zero_()
        nn.init.normal_(self.places.weight, std=0.02)
        self.blocks = nn.ModuleList(Block(d, heads, drop) for _ in range(layers))
        self.norm = nn.LayerNorm(d)
        self.bias = nn.Parameter(torch.zeros(n_items + 1))
        self.drop = nn.Dropout(drop)

    def forward(self, x):
        t = x.shape[1]
        causal = torch.ones(t, t, dtype=torch.bool, device=x.device).tril()
        real = (x != 0)[:, None, None, :]
        # a padded query would have no key at all; it may look at itself, nobody looks at it
        itself = torch.eye(t, dtype=torch.bool, device=x.device)
        allowed = (causal & real) | itself
        h = self.items(x) * math.sqrt(self.items.embedding_dim)
        h = self.drop(h + self.places(torch.arange(t, device=x.device)))
        for block in self.blocks:
            h = block(h, allowed)
        logits = F.linear(self.norm(h), self.items.weight, self.bias)
        # nobody buys the padding
        return logits.index_fill(-1, torch.tensor([0], device=x.device), -1e4)
