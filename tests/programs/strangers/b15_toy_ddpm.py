"""DDPM on a 2-d flower."""
import math
import torch
import torch.nn as nn

T = 60


class Schedule:
    def __init__(self, steps):
        self.beta = torch.linspace(1e-3, 0.2, steps)
        self.alpha = 1 - self.beta
        self.abar = torch.cumprod(self.alpha, 0)

    def noise(self, x0, t, eps):
        ab = self.abar[t].unsqueeze(1)
        return ab.sqrt() * x0 + (1 - ab).sqrt() * eps


class Denoiser(nn.Module):
    """Predicts the noise in x; `time` goes through a bank of sines and cosines."""

    def __init__(self, hidden=96, n_freq=6):
        super().__init__()
        self.register_buffer("freq", math.pi * torch.arange(1, n_freq + 1).float())
        self.inp = nn.Linear(2 + 2 * n_freq, hidden)
        self.mid = nn.ModuleList([nn.Linear(hidden, hidden) for _ in range(2)])
        self.out = nn.Linear(hidden, 2)

    def forward(self, x, time):
        phase = time.float().unsqueeze(1) * self.freq
        h = self.inp(torch.cat([x, phase.sin(), phase.cos()], dim=1))
        for layer in self.mid:
            h = h + layer(torch.nn.functional.silu(h))
        return self.out(torch.nn.functional.silu(h))


def petals(n, gen):
    """Three elongated blobs around the origin, about unit variance in each direction."""
    turn = torch.randint(3, (n,), generator=gen) * (2 * math.pi / 3)
    along = 1.25 + 0.35 * torch.randn(n, generator=gen)
    across = 0.15 * torch.randn(n, generator=gen)
    c, s = turn.cos(), turn.sin()
    return torch.stack([c * along - s * across, s * along + c * across], dim=1)


def train(model, sched, data, iters=1800, batch=256, lr=2e-3):
    opt = torch.optim.Adam(model.parameters(), lr=lr)
    cos = torch.optim.lr_scheduler.CosineAnnealingLR(opt, iters)
    avg = None
    for it in range(1, iters + 1):
        x0 = data[torch.randint(len(data), (batch,))]
        t = torch.randint(T, (batch,))
        eps = torch.randn_like(x0)
        pred = model(sched.noise(x0, t, eps), t / T)
        loss = (pred - eps).pow(2).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
        cos.step()
        avg = loss.item() if avg is None else 0.98 * avg + 0.02 * loss.item()
        if it % 300 == 0:
            print(f"iter {it:5d}  noise mse {avg:.4f}")


@torch.no_grad()
def sample(model, sched, n):
    model.eval()
    x = torch.randn(n, 2)
    for i in reversed(range(T)):
        t = torch.full((n,), i)
        eps = model(x, t)
        mean = (x - sched.beta[i] / (1 - sched.abar[i]).sqrt() * eps) / sched.alpha[i].sqrt()
        if i > 0:
            var = sched.beta[i] * (1 - sched.abar[i - 1]) / (1 - sched.abar[i])
            x = mean + var.sqrt() * torch.randn_like(x)
        else:
            x = mean
    return x


def energy_distance(a, b):
    within = lambda z: torch.cdist(z, z).sum() / (len(z) * (len(z) - 1))
    return (2 * torch.cdist(a, b).mean() - within(a) - within(b)).item()


if __name__ == "__main__":
    torch.manual_seed(4)
    g = torch.Generator().manual_seed(4)
    train_set, test_set, other = petals(8000, g), petals(1500, g), petals(1500, g)
    sched, model = Schedule(T), Denoiser()
    train(model, sched, train_set)
    out = sample(model, sched, 1500)
    print(f"energy distance to held-out data: samples {energy_distance(out, test_set):.4f}"
          f"   gaussian {energy_distance(torch.randn(1500, 2), test_set):.4f}"
          f"   fresh data {energy_distance(other, test_set):.4f}")
