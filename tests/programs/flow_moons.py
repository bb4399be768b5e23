"""RealNVP density estimation of a two dimensional swirl, with data-dependent ActNorm and exact likelihood."""
import math

import torch
from torch import nn, optim
from torch.distributions import MultivariateNormal

torch.manual_seed(22)


def swirl(n):
    t = 3 * math.pi * torch.rand(n).sqrt()
    arm = torch.randint(0, 2, (n,)) * math.pi
    x = torch.stack([t * torch.cos(t + arm), t * torch.sin(t + arm)], dim=1) / 5
    return x + 0.06 * torch.randn(n, 2)


class ActNorm(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.log_scale = nn.Parameter(torch.zeros(dim))
        self.shift = nn.Parameter(torch.zeros(dim))
        self.register_buffer("ready", torch.tensor(False))

    def forward(self, x):
        if not self.ready:
            with torch.no_grad():
                self.log_scale.copy_(-x.std(0).log())
                self.shift.copy_(-x.mean(0))
                self.ready.fill_(True)
        return (x + self.shift) * self.log_scale.exp(), self.log_scale.sum().expand(len(x))

    def inverse(self, z):
        return z * (-self.log_scale).exp() - self.shift


class Coupling(nn.Module):
    def __init__(self, mask, hidden=48):
        super().__init__()
        self.register_buffer("mask", mask)
        self.net = nn.Sequential(nn.Linear(2, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, 4))
        nn.init.zeros_(self.net[-1].weight)
        nn.init.zeros_(self.net[-1].bias)

    def parts(self, x):
        s, t = self.net(x * self.mask).chunk(2, dim=1)
        free = 1 - self.mask
        return torch.tanh(s) * free, t * free

    def forward(self, x):
        s, t = self.parts(x)
        return x * s.exp() + t, s.sum(dim=1)

    def inverse(self, z):
        s, t = self.parts(z)
        return (z - t) * (-s).exp()


class Flow(nn.Module):
    def __init__(self, depth=6):
        super().__init__()
        left = torch.tensor([1.0, 0.0])
        self.layers = nn.ModuleList()
        for i in range(depth):
            self.layers.append(ActNorm(2))
            self.layers.append(Coupling(left if i % 2 else 1 - left))
        self.prior = MultivariateNormal(torch.zeros(2), torch.eye(2))

    def log_prob(self, x):
        total = torch.zeros(len(x))
        for layer in self.layers:
            x, log_det = layer(x)
            total = total + log_det
        return self.prior.log_prob(x) + total

    def forward(self, x):
        return -self.log_prob(x).mean()

    @torch.no_grad()
    def sample(self, n):
        z = self.prior.sample((n,))
        for layer in reversed(self.layers):
            z = layer.inverse(z)
        return z


flow = Flow()
held_out = swirl(1000)
optimizer = optim.Adam(flow.parameters(), lr=4e-3)
scheduler = optim.lr_scheduler.CosineAnnealingLR(optimizer, 300)
gaussian = MultivariateNormal(held_out.mean(0), held_out.T.cov())
print(f"a Gaussian: nll {-gaussian.log_prob(held_out).mean():.3f}")

for it in range(300):
    optimizer.zero_grad()
    loss = flow(swirl(256))
    if not (torch.isnan(loss) | torch.isinf(loss)):
        loss.backward()
        optimizer.step()
    scheduler.step()
    if (it + 1) % 60 == 0:
        with torch.no_grad():
            print(f"it {it + 1}: train {loss.item():.3f} held out nll {flow(held_out).item():.3f}")

drawn = flow.sample(1000)
print(f"drawn points reach {drawn.norm(dim=1).quantile(0.99):.2f}, real ones {held_out.norm(dim=1).quantile(0.99):.2f}")
