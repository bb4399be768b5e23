"""Identify the parameters of a damped, slightly hardening spring from noisy position records.

The simulator is differentiable (semi-implicit Euler, unrolled); the misfit is minimised by Adam.
    m x'' = -k x - b x^3 - c x'          with m = 1
"""
import math

import torch
from torch import nn

torch.manual_seed(4)
torch.set_default_dtype(torch.float64)
DT, STEPS, EVERY = 0.02, 150, 5


def record_experiments(n):
    """Bench data: n releases from different deflections, camera noise on the positions."""
    k, b, c = 9.0, 3.5, 0.45
    x = torch.empty(n).uniform_(-1.5, 1.5)
    v = torch.empty(n).uniform_(-2.0, 2.0)
    start = torch.stack([x, v], dim=1)
    fine, out = 10, []
    for step in range(STEPS * fine):
        v = v + DT / fine * (-k * x - b * x ** 3 - c * v)
        x = x + DT / fine * v
        if (step + 1) % (fine * EVERY) == 0:
            out.append(x)
    clean = torch.stack(out, dim=1)
    return start, clean + 0.01 * torch.randn_like(clean)


class Oscillator(nn.Module):
    """Physical ranges: stiffness and hardening positive, damping between weak and critical."""

    def __init__(self, stiffness=5.0, hardening=1.0, damping=0.0):
        super().__init__()
        self.log_k = nn.Parameter(torch.tensor(math.log(stiffness)))
        self.log_b = nn.Parameter(torch.tensor(math.log(hardening)))
        self.damping = nn.Parameter(torch.tensor(float(damping)))

    def constants(self):
        k, b = self.log_k.exp(), self.log_b.exp()
        c = self.damping.clamp(min=0.02, max=5.0)
        return k, b, c

    def forward(self, start):
        k, b, c = self.constants()
        x, v = start[:, 0], start[:, 1]
        out = []
        for step in range(STEPS):
            v = v + DT * (-k * x - b * x ** 3 - c * v)
            x = x + DT * v
            if (step + 1) % EVERY == 0:
                out.append(x)
        return torch.stack(out, dim=1)

    def energy(self, x, v):
        k, b, _ = self.constants()
        return 0.5 * v ** 2 + 0.5 * k * x ** 2 + 0.25 * b * x ** 4


def horizon(epoch, frames):
    """Fit the first swing first, then longer and longer pieces (avoids phase-slip minima)."""
    return min(frames, 6 + 2 * epoch)


def main():
    start, seen = record_experiments(80)
    train, test = slice(0, 60), slice(60, 80)
    frames = seen.shape[1]

    model = Oscillator()
    optimizer = torch.optim.Adam([
        {"params": [model.log_k, model.log_b], "lr": 0.06},
        {"params": [model.damping], "lr": 0.02},
    ])
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.97)

    for epoch in range(30):
        upto = horizon(epoch, frames)
        total = 0.0
        order = torch.randperm(60)
        for idx in order.split(15):
            sim = model(start[train][idx])[:, :upto]
            loss = nn.functional.huber_loss(sim, seen[train][idx, :upto], delta=0.3)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            total += loss.item() * len(idx)
        scheduler.step()
        if epoch % 5 == 4:
            k, b, c = (p.item() for p in model.constants())
            print(f"epoch {epoch + 1:2d}  frames {upto:2d}  misfit {total / 60:.6f}  "
                  f"k {k:.3f}  b {b:.3f}  c {c:.3f}")

    with torch.no_grad():
        sim = model(start[test])
        err = (sim - seen[test]).pow(2)
        naive = seen[test].pow(2)
        e0 = model.energy(start[test][:, 0], start[test][:, 1])
    print(f"unseen releases: RMS error {err.mean().sqrt():.4f} "
          f"(first third {err[:, :frames // 3].mean().sqrt():.4f}, "
          f"last third {err[:, -frames // 3:].mean().sqrt():.4f}); signal RMS {naive.mean().sqrt():.4f}")
    print(f"mean energy at release {e0.mean():.2f}")


if __name__ == "__main__":
    main()
