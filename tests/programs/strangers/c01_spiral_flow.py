"""
Coupling flow on a 2-D pinwheel. Samples are drawn fresh every step (there is no
dataset object at all), everything runs in float64 because the tails of the
log-det get ugly otherwise.
"""
import math
import numpy as np
import torch
from torch import nn

torch.set_default_dtype(torch.float64)
torch.manual_seed(11)
rng = np.random.default_rng(11)


def pinwheel(n, arms=5):
    radial = rng.normal(size=(n, 2)) * np.array([0.3, 0.1]) + np.array([1.0, 0.0])
    arm = rng.integers(0, arms, size=n)
    ang = 2 * np.pi * arm / arms + 0.35 * np.exp(radial[:, 0])
    c, s = np.cos(ang), np.sin(ang)
    out = np.stack([c * radial[:, 0] - s * radial[:, 1],
                    s * radial[:, 0] + c * radial[:, 1]], axis=1)
    return torch.from_numpy(2.0 * out)


class ActNorm(nn.Module):
    """scale and shift, initialised from the first batch that comes through"""

    def __init__(self, d):
        super().__init__()
        self.log_s = nn.Parameter(torch.zeros(d))
        self.b = nn.Parameter(torch.zeros(d))
        self.register_buffer("ready", torch.tensor(False))

    def forward(self, x):
        if not self.ready:
            with torch.no_grad():
                self.b.copy_(-x.mean(0))
                self.log_s.copy_(-(x.std(0) + 1e-6).log())
                self.ready.fill_(True)
        return (x + self.b) * self.log_s.exp(), self.log_s.sum().expand(len(x))

    def inverse(self, z):
        return z * (-self.log_s).exp() - self.b


class Coupling(nn.Module):
    def __init__(self, flip, width=48):
        super().__init__()
        self.flip = flip
        self.net = nn.Sequential(nn.Linear(1, width), nn.SiLU(),
                                 nn.Linear(width, width), nn.SiLU(),
                                 nn.Linear(width, 2))
        # last layer at zero: every coupling starts as the identity
        nn.init.zeros_(self.net[-1].weight)
        nn.init.zeros_(self.net[-1].bias)

    def halves(self, x):
        a, b = x[:, :1], x[:, 1:]
        return (b, a) if self.flip else (a, b)

    def join(self, a, b):
        return torch.cat((b, a) if self.flip else (a, b), dim=1)

    def forward(self, x):
        a, b = self.halves(x)
        raw, t = self.net(a).chunk(2, dim=1)
        s = 2.0 * torch.tanh(raw / 2.0)
        return self.join(a, b * s.exp() + t), s.squeeze(1)

    def inverse(self, z):
        a, b = self.halves(z)
        raw, t = self.net(a).chunk(2, dim=1)
        s = 2.0 * torch.tanh(raw / 2.0)
        return self.join(a, (b - t) * (-s).exp())


class Flow(nn.Module):
    def __init__(self, depth=10):
        super().__init__()
        layers = []
        for k in range(depth):
            layers += [ActNorm(2), Coupling(flip=bool(k % 2))]
        self.layers = nn.ModuleList(layers)

    def log_prob(self, x):
        total = x.new_zeros(len(x))
        for layer in self.layers:
            x, ld = layer(x)
            total = total + ld
        base = -0.5 * (x ** 2).sum(1) - math.log(2 * math.pi)
        return base + total

    @torch.no_grad()
    def sample(self, n):
        z = torch.randn(n, 2)
        for layer in reversed(self.layers):
            z = layer.inverse(z)
        return z


held_out = pinwheel(2000)
flow = Flow(depth=8)
flow.log_prob(pinwheel(1024))          # sets the ActNorm statistics
opt = torch.optim.Adam(flow.parameters(), lr=5e-3)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, T_max=1000)

running = None
for step in range(1000):
    nll = -flow.log_prob(pinwheel(256)).mean()
    flow.zero_grad(set_to_none=True)
    nll.backward()
    nn.utils.clip_grad_norm_(flow.parameters(), 5.0)
    opt.step()
    sched.step()
    running = nll.item() if running is None else 0.98 * running + 0.02 * nll.item()
    if step % 150 == 0 or step == 999:
        with torch.no_grad():
            print(f"{step:5d}  train nll {running:.4f}  held-out nll {-flow.log_prob(held_out).mean():.4f}")

# what does a full-covariance Gaussian get on the same points?
fit = pinwheel(5000)
gauss = torch.distributions.MultivariateNormal(fit.mean(0), torch.cov(fit.T))
with torch.no_grad():
    flow_nll = -flow.log_prob(held_out).mean().item()
    z = held_out
    for layer in flow.layers:
        z, _ = layer(z)
    for layer in reversed(flow.layers):
        z = layer.inverse(z)
    print("max round-trip error", (z - held_out).abs().max().item())
print(f"gaussian nll {-gauss.log_prob(held_out).mean():.4f}")
print(f"flow     nll {flow_nll:.4f}")
print("mean radius  data %.3f  samples %.3f" % (held_out.norm(dim=1).mean(), flow.sample(2000).norm(dim=1).mean()))
