import copy
import math

import torch
from torch import nn


class VelocityField(nn.Module):
    """v(x, t, class); index `classes` of the embedding stands for "no class"."""

    def __init__(self, classes=2, dim=96, freqs=8):
        super().__init__()
        self.classes = classes
        self.register_buffer("freqs", math.pi * 2.0 ** torch.arange(freqs) / 4)
        self.label = nn.Embedding(classes + 1, dim)
        self.inp = nn.Linear(2 + 2 * freqs, dim)
        self.mid = nn.ModuleList(nn.Linear(dim, dim) for _ in range(3))
        self.out = nn.Linear(dim, 2)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, x, t, y):
        ang = t[:, None] * self.freqs
        h = self.inp(torch.cat([x, ang.sin(), ang.cos()], dim=1)) + self.label(y)
        for lin in self.mid:
            h = h + lin(nn.functional.silu(h))
        return self.out(h)


class Ema:
    def __init__(self, model, decay):
        self.decay, self.count = decay, 0
        self.model = copy.deepcopy(model).eval().requires_grad_(False)

    @torch.no_grad()
    def update(self, model):
        self.count += 1
        d = min(self.decay, (1 + self.count) / (10 + self.count))
        for e, p in zip(self.model.parameters(), model.parameters()):
            e.mul_(d).add_(p, alpha=1 - d)


@torch.no_grad()
def sample(field, y, steps=25, guidance=1.0):
    """Heun integration from noise (t=0) to data (t=1) with classifier-free guidance."""
    x = torch.randn(len(y), 2)
    none = torch.full_like(y, field.classes)
    grid = torch.linspace(0, 1, steps + 1)

    def velocity(z, t):
        tt = t.expand(len(z))
        return (1 - guidance) * field(z, tt, none) + guidance * field(z, tt, y)

    for a, b in zip(grid[:-1], grid[1:]):
        v0 = velocity(x, a)
        v1 = velocity(x + (b - a) * v0, b)
        x = x + (b - a) * 0.5 * (v0 + v1)
    return x
