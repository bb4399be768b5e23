"""A denoising diffusion model for two half moons, with an exponential moving average of the weights for sampling."""
import copy

import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import make_moons
from torch.utils.data import DataLoader

T = 40


class Schedule:
    def __init__(self, steps=T):
        self.beta = torch.linspace(1e-3, 0.15, steps)
        self.alpha = 1 - self.beta
        self.alpha_bar = torch.cumprod(self.alpha, dim=0)

    def noise(self, x, t, eps):
        a = self.alpha_bar[t].unsqueeze(-1)
        return a.sqrt() * x + (1 - a).sqrt() * eps


class TimeEmbedding(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.register_buffer("freq", torch.exp(torch.linspace(0, -4, dim // 2)))

    def forward(self, t):
        angle = t[:, None].float() * self.freq
        return torch.cat([angle.sin(), angle.cos()], dim=1)


class ResidualBlock(nn.Module):
    def __init__(self, width, time_dim):
        super().__init__()
        self.time = nn.Linear(time_dim, 2 * width)
        self.lin1, self.lin2 = nn.Linear(width, width), nn.Linear(width, width)
        self.norm = nn.LayerNorm(width)
        nn.init.zeros_(self.lin2.weight)
        nn.init.zeros_(self.lin2.bias)

    def forward(self, h, emb):
        scale, shift = self.time(emb).chunk(2, dim=1)
        x = self.norm(h) * (1 + scale) + shift
        return h + self.lin2(nn.functional.silu(self.lin1(x)))


class Denoiser(nn.Module):
    def __init__(self, width=64, time_dim=16, depth=3):
        super().__init__()
        self.embed = TimeEmbedding(time_dim)
        self.inp = nn.Linear(2, width)
        self.blocks = nn.ModuleList([ResidualBlock(width, time_dim) for _ in range(depth)])
        self.out = nn.Linear(width, 2)
        nn.init.zeros_(self.out.weight)

    def forward(self, x, t):
        emb = self.embed(t)
        h = self.inp(x)
        for block in self.blocks:
            h = block(h, emb)
        return self.out(h)


class EMA:
    def __init__(self, model, decay=0.98):
        self.decay = decay
        self.shadow = copy.deepcopy(model).eval().requires_grad_(False)

    @torch.no_grad()
    def update(self, model):
        for s, p in zip(self.shadow.parameters(), model.parameters()):
            s.lerp_(p, 1 - self.decay)


@torch.no_grad()
def sample(model, schedule, n):
    x = torch.randn(n, 2)
    for t in reversed(range(T)):
        eps = model(x, torch.full((n,), t))
        x = (x - schedule.beta[t] / (1 - schedule.alpha_bar[t]).sqrt() * eps) / schedule.alpha[t].sqrt()
        if t > 0:
            x = x + schedule.beta[t].sqrt() * torch.randn_like(x)
    return x


def distance(drawn, real):
    """Energy distance between two clouds of points."""
    return (2 * torch.cdist(drawn, real).mean() - torch.cdist(drawn, drawn).mean() - torch.cdist(real, real).mean()).item()


def main():
    torch.manual_seed(9)
    np.random.seed(9)
    points, _ = make_moons(2560, noise=0.05)
    points = torch.tensor((points - points.mean(0)) / points.std(0), dtype=torch.float32)
    train, held_out = points[:2048], points[2048:]
    schedule, model = Schedule(), Denoiser()
    ema = EMA(model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0)
    print(f"untrained: distance {distance(sample(ema.shadow, schedule, 512), held_out):.4f}")
    for epoch in range(12):
        losses = []
        for x in DataLoader(train, batch_size=128, shuffle=True):
            t = torch.randint(0, T, (len(x),))
            eps = torch.randn_like(x)
            loss = (eps - model(schedule.noise(x, t, eps), t)).square().mean()
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            ema.update(model)
            losses.append(loss.detach())
        if epoch % 3 == 2:
            drawn = sample(ema.shadow, schedule, 512)
            print(f"epoch {epoch + 1}: loss {torch.stack(losses).mean():.4f} distance {distance(drawn, held_out):.4f}")


if __name__ == "__main__":
    main()
