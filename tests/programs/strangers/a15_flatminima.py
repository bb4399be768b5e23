"""Blob segmentation, sharpness-aware updates written inline."""
import numpy as np
import torch
from torch import nn

RHO = 0.05
SIZE = 24
torch.manual_seed(4)


def blobs(n, seed):
    r = np.random.default_rng(seed)
    grid = np.arange(SIZE)
    X = r.normal(0, 0.35, (n, 1, SIZE, SIZE))
    M = np.zeros_like(X)
    for i in range(n):
        for _ in range(r.integers(1, 4)):
            a, b = r.integers(3, SIZE - 3, 2)
            s = r.uniform(2, 5)
            M[i, 0] = np.maximum(M[i, 0], ((grid[:, None] - a) ** 2 + (grid[None] - b) ** 2 < s * s))
    X += M
    X = (X - 0.2) / 0.5
    return torch.tensor(X, dtype=torch.float32), torch.tensor(M, dtype=torch.float32)


class Seg(nn.Module):
    def __init__(self, c=12):
        super().__init__()
        self.a = nn.Sequential(nn.Conv2d(1, c, 3, padding=1), nn.GroupNorm(3, c), nn.SiLU())
        self.b = nn.Sequential(nn.Conv2d(c, c, 3, padding=2, dilation=2), nn.GroupNorm(3, c), nn.SiLU())
        self.c = nn.Conv2d(2 * c, 1, 1)

    def forward(self, x):
        a = self.a(x)
        return self.c(torch.cat([a, self.b(a)], 1))


def objective(logit, m):
    # stable BCE + soft dice
    bce = (logit.clamp(min=0) - logit * m + torch.log1p(torch.exp(-logit.abs()))).mean()
    p = logit.sigmoid()
    inter = (p * m).sum((1, 2, 3))
    dice = (2 * inter + 1) / (p.sum((1, 2, 3)) + m.sum((1, 2, 3)) + 1)
    return bce + (1 - dice).mean()


net = Seg()
base = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
weights = [w for w in net.parameters()]
Xtr, Mtr = blobs(256, 40)
Xva, Mva = blobs(80, 41)


def sam_step(x, m):
    loss = objective(net(x), m)
    loss.backward()
    with torch.no_grad():
        norm = torch.stack([w.grad.norm() for w in weights]).norm()
        bumps = []
        for w in weights:
            e = w.grad * (RHO / (norm + 1e-12))
            w.add_(e)
            bumps.append(e)
    net.zero_grad()
    objective(net(x), m).backward()
    with torch.no_grad():
        for w, e in zip(weights, bumps):
            w.sub_(e)
    base.step()
    base.zero_grad()
    return loss.item()


def dice_score():
    net.eval()
    with torch.no_grad():
        p = (net(Xva) > 0).float()
    net.train()
    return (2 * (p * Mva).sum() / (p.sum() + Mva.sum())).item()


print("dice before training %.3f" % dice_score())
for epoch in range(8):
    if epoch == 6:
        base.param_groups[0]["lr"] = 0.02
    vals = []
    for idx in torch.randperm(len(Xtr)).split(16):
        vals.append(sam_step(Xtr[idx], Mtr[idx]))
    print("epoch %d  objective %.4f  val dice %.3f" % (epoch, np.mean(vals), dice_score()))
