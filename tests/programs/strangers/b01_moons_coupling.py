"""Density estimation on two moons with a stack of affine couplings (RealNVP / Glow style)."""
import math
import torch
import torch.nn as nn
from sklearn.datasets import make_moons

torch.manual_seed(11)


class ActNorm(nn.Module):
    """Per-dimension affine map, initialised from the first batch that goes through it."""

    def __init__(self, dim):
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(dim))
        self.logs = nn.Parameter(torch.zeros(dim))
        self.register_buffer("ready", torch.tensor(False))

    def forward(self, x):
        if not self.ready:
            with torch.no_grad():
                self.shift.copy_(-x.mean(0))
                self.logs.copy_(-torch.log(x.std(0) + 1e-6))
                self.ready.fill_(True)
        return (x + self.shift) * self.logs.exp(), self.logs.sum().expand(x.shape[0])


class Coupling(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(1, hidden), nn.SiLU(),
            nn.Linear(hidden, hidden), nn.SiLU(),
            nn.Linear(hidden, 2),
        )
        nn.init.zeros_(self.net[-1].weight)
        nn.init.zeros_(self.net[-1].bias)

    def forward(self, x):
        keep, move = x[:, :1], x[:, 1:]
        raw, t = self.net(keep).chunk(2, dim=1)
        s = 1.5 * torch.tanh(raw)
        moved = move * s.exp() + t
        # the two halves change places, so the next block moves the other one
        return torch.cat([moved, keep], dim=1), s.squeeze(1)


class Flow(nn.Module):
    def __init__(self, depth=8, hidden=48):
        super().__init__()
        blocks = []
        for _ in range(depth):
            blocks += [ActNorm(2), Coupling(hidden)]
        self.blocks = nn.ModuleList(blocks)

    def log_prob(self, x):
        total = torch.zeros(x.shape[0])
        for block in self.blocks:
            x, ld = block(x)
            total = total + ld
        base = -0.5 * (x ** 2).sum(1) - math.log(2 * math.pi)
        return base + total


def moons(n, seed):
    pts, _ = make_moons(n_samples=n, noise=0.04, random_state=seed)
    return torch.tensor(pts, dtype=torch.float32) * 0.3


train_x, test_x = moons(4000, 0), moons(1000, 1)
flow = Flow()
opt = torch.optim.Adam(flow.parameters(), lr=2e-3)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, T_max=700)

flow.log_prob(train_x)          # lets every ActNorm see the data once

step = 0
while step < 700:
    for idx in torch.randperm(len(train_x)).split(250):
        loss = -flow.log_prob(train_x[idx]).mean()
        opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(flow.parameters(), 5.0)
        opt.step()
        sched.step()
        step += 1
        if step % 100 == 0:
            print(f"step {step:4d}  nll {loss.item():+.3f}")
        if step == 700:
            break

flow.eval()
with torch.no_grad():
    nll = -flow.log_prob(test_x).mean().item()
gauss = torch.distributions.MultivariateNormal(train_x.mean(0), torch.cov(train_x.T))
print(f"held-out nll: flow {nll:+.3f}   single gaussian {-gauss.log_prob(test_x).mean().item():+.3f}")
