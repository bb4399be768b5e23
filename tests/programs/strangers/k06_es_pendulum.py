"""Evolution strategies (antithetic, rank-shaped) for pendulum swing-up; the whole population is one vmapped policy."""
import math
from dataclasses import dataclass

import torch
from torch import nn
from torch.func import functional_call, vmap


@dataclass
class Config:
    generations: int = 120
    pairs: int = 40
    starts: int = 12
    horizon: int = 100
    sigma: float = 0.1
    lr: float = 0.06
    decay: float = 0.0005
    seed: int = 5


cfg = Config()
torch.manual_seed(cfg.seed)


class Policy(nn.Module):
    def __init__(self):
        super().__init__()
        self.l1 = nn.Linear(3, 12)
        self.l2 = nn.Linear(12, 1)

    def forward(self, obs):
        return 3.5 * torch.tanh(self.l2(torch.tanh(self.l1(obs))).squeeze(-1))


def step(th, w, u, dt=0.05, g=10.0):
    """Unit mass and length; th = 0 is upright. Returns the new state and the cost of the old one."""
    ang = torch.remainder(th + math.pi, 2 * math.pi) - math.pi
    cost = ang ** 2 + 0.1 * w ** 2 + 0.001 * u ** 2
    w = (w + dt * (1.5 * g * torch.sin(th) + 3.0 * u)).clamp(-8, 8)
    return th + dt * w, w, cost


policy = Policy()


def act(params, obs):
    return functional_call(policy, params, (obs,))


population_act = vmap(act, in_dims=(0, 0))


@torch.no_grad()
def returns(stacked, th0, w0):
    n = next(iter(stacked.values())).shape[0]
    th, w = th0.expand(n, -1), w0.expand(n, -1)
    total = torch.zeros_like(th)
    for _ in range(cfg.horizon):
        obs = torch.stack([th.cos(), th.sin(), w / 4], -1)
        th, w, c = step(th, w, population_act(stacked, obs))
        total -= c
    return total.mean(1)


def starts(n, gen=None):
    th = (torch.rand(n, generator=gen) * 2 - 1) * math.pi
    w = (torch.rand(n, generator=gen) * 2 - 1)
    return th[None], w[None]


def ranks(x):
    r = torch.empty_like(x)
    r[x.argsort()] = torch.linspace(-0.5, 0.5, len(x))
    return r


named = dict(policy.named_parameters())
opt = torch.optim.Adam(policy.parameters(), lr=cfg.lr, betas=(0.9, 0.99), weight_decay=cfg.decay)
sched = torch.optim.lr_scheduler.ExponentialLR(opt, 0.985)
sigma = cfg.sigma
check = starts(64, torch.Generator().manual_seed(99))


def centre_score():
    return returns({k: v.detach()[None] for k, v in named.items()}, *check).item()


print(f"before training: mean return {centre_score():.1f}")
best = -float("inf")
for gen in range(1, cfg.generations + 1):
    eps = {k: torch.randn(cfg.pairs, *v.shape) for k, v in named.items()}
    stacked = {k: torch.cat([v.detach() + sigma * eps[k], v.detach() - sigma * eps[k]]) for k, v in named.items()}
    fit = returns(stacked, *starts(cfg.starts))
    shaped = ranks(fit)
    diff = shaped[:cfg.pairs] - shaped[cfg.pairs:]
    for k, p in named.items():
        # ascent on the return, so the optimiser gets the negative estimate
        p.grad = -torch.einsum("n,n...->...", diff, eps[k]) / (2 * cfg.pairs * sigma)
    opt.step()
    sched.step()
    sigma = max(0.05, sigma * 0.99)
    best = max(best, fit.max().item())
    if gen % 15 == 0:
        print(f"gen {gen:3d}  population mean {fit.mean():8.1f}  best so far {best:8.1f}  centre {centre_score():8.1f}"
              f"  sigma {sigma:.3f}")

fresh = starts(256, torch.Generator().manual_seed(2024))
with torch.no_grad():
    th, w = fresh
    stack = {k: v.detach()[None] for k, v in named.items()}
    for _ in range(200):
        th, w, _ = step(th, w, population_act(stack, torch.stack([th.cos(), th.sin(), w / 4], -1)))
    up = ((torch.cos(th) > 0.95) & (w.abs() < 1.0)).float().mean().item()
print(f"after training: mean return {centre_score():.1f}; upright after 200 steps from {100 * up:.0f} % of 256 fresh starts")
