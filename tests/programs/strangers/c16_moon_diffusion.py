"""Tiny DDPM on two moons; the samples are drawn with the averaged weights."""
import argparse
import copy

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import make_moons


def get_args():
    p = argparse.ArgumentParser()
    p.add_argument("--steps", type=int, default=2500)
    p.add_argument("--batch-size", type=int, default=256)
    p.add_argument("--lr", type=float, default=2e-3)
    p.add_argument("--timesteps", type=int, default=60)
    p.add_argument("--ema-decay", type=float, default=0.995)
    p.add_argument("--seed", type=int, default=12)
    return p.parse_args()


class Denoiser(nn.Module):
    def __init__(self, timesteps, width=96):
        super().__init__()
        self.temb = nn.Embedding(timesteps, width)
        self.inp = nn.Linear(2, width)
        self.blocks = nn.ModuleList(
            [nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width)) for _ in range(2)])
        self.norms = nn.ModuleList([nn.LayerNorm(width) for _ in range(2)])
        self.out = nn.Linear(width, 2)

    def forward(self, x, t):
        h = self.inp(x)
        e = self.temb(t)
        for norm, block in zip(self.norms, self.blocks):
            h = h + block(norm(h + e))
        return self.out(F.silu(h))


class WeightAverage:
    """exponential moving average of the parameters"""

    def __init__(self, model, decay):
        self.decay = decay
        self.source = model.parameters()
        self.average = [p.detach().clone() for p in model.parameters()]

    @torch.no_grad()
    def update(self, step):
        decay = min(self.decay, (1 + step) / (10 + step))
        for avg, p in zip(self.average, self.source):
            avg.lerp_(p, 1 - decay)

    @torch.no_grad()
    def into(self, model):
        for p, avg in zip(model.parameters(), self.average):
            p.copy_(avg)
        return model.eval()


class Schedule:
    def __init__(self, n):
        self.n = n
        self.beta = torch.linspace(1e-3, 0.15, n)
        self.alpha = 1 - self.beta
        self.abar = torch.cumprod(self.alpha, 0)

    def noisy(self, x, t, eps):
        a = self.abar[t][:, None]
        return a.sqrt() * x + (1 - a).sqrt() * eps

    @torch.no_grad()
    def sample(self, model, n, generator):
        x = torch.randn(n, 2, generator=generator)
        for i in reversed(range(self.n)):
            t = torch.full((n,), i)
            eps = model(x, t)
            x = (x - self.beta[i] / (1 - self.abar[i]).sqrt() * eps) / self.alpha[i].sqrt()
            if i > 0:
                var = self.beta[i] * (1 - self.abar[i - 1]) / (1 - self.abar[i])
                x = x + var.sqrt() * torch.randn(n, 2, generator=generator)
        return x


def energy_distance(a, b):
    return (2 * torch.cdist(a, b).mean() - torch.cdist(a, a).mean() - torch.cdist(b, b).mean()).item()


def main():
    args = get_args()
    torch.manual_seed(args.seed)
    np.random.seed(args.seed)

    raw, _ = make_moons(6000, noise=0.06, random_state=args.seed)
    raw = torch.tensor(raw, dtype=torch.float32)
    train, test = raw[:4000], raw[4000:]
    mean, std = train.mean(0), train.std(0)
    train, test = (train - mean) / std, (test - mean) / std

    model = Denoiser(args.timesteps)
    schedule = Schedule(args.timesteps)
    ema = WeightAverage(model, args.ema_decay)
    opt = torch.optim.AdamW(model.parameters(), lr=args.lr, weight_decay=1e-4)
    sampler_net = copy.deepcopy(model)

    def quality():
        g = torch.Generator().manual_seed(5)
        return energy_distance(schedule.sample(ema.into(sampler_net), 1500, g), test)

    print(f"two halves of the data: {energy_distance(train[:1500], test):.4f}   "
          f"gaussian: {energy_distance(torch.randn(1500, 2), test):.4f}   start: {quality():.4f}")
    window = []
    for step in range(1, args.steps + 1):
        x = train[torch.randint(len(train), (args.batch_size,))]
        t = torch.randint(args.timesteps, (args.batch_size,))
        eps = torch.randn_like(x)
        loss = F.mse_loss(model(schedule.noisy(x, t, eps), t), eps)
        opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        opt.step()
        ema.update(step)
        window.append(loss.item())
        if step % 500 == 0:
            print(f"step {step:5d}  loss {np.mean(window[-300:]):.4f}  energy distance {quality():.4f}")
    print(f"final energy distance {quality():.4f}")


if __name__ == "__main__":
    main()
