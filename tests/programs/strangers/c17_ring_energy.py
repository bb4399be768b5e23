# An energy function E(x) trained by maximum likelihood: data go down, Langevin samples go up.
# The loss is a difference of two means and wanders around zero; that is the intended equilibrium.
# Progress is read from (a) energy-based outlier detection and (b) the sampled points.
import torch
import torch.nn as nn
from sklearn.datasets import make_circles
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import KernelDensity

torch.manual_seed(2)

STEPS, BATCH, BUFFER = 900, 128, 2048
LANGEVIN_STEPS, STEP_SIZE, BOX = 20, 0.005, 2.0


def rings(n, seed):
    x, _ = make_circles(n, factor=0.4, noise=0.08, random_state=seed)
    return torch.tensor(1.2 * x, dtype=torch.float32)


class Energy(nn.Module):
    def __init__(self, h=96):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2, h), nn.SiLU(), nn.Linear(h, h), nn.SiLU(),
                                 nn.Linear(h, h), nn.SiLU(), nn.Linear(h, 1))

    def forward(self, x):
        # the quadratic keeps the density normalisable
        return self.net(x).squeeze(-1) + 0.05 * (x ** 2).sum(-1)


def langevin(energy, x, steps):
    """x <- x - s/2 dE/dx + sqrt(s) z; returns points that carry no history"""
    for p in energy.parameters():
        p.requires_grad_(False)
    x = x.detach().clone()
    for _ in range(steps):
        x.requires_grad_(True)
        g, = torch.autograd.grad(energy(x).sum(), x)
        with torch.no_grad():
            x = x - 0.5 * STEP_SIZE * g.clamp(-30, 30) + STEP_SIZE ** 0.5 * torch.randn_like(x)
            x = x.clamp(-BOX, BOX)
    for p in energy.parameters():
        p.requires_grad_(True)
    return x.detach()


data = rings(4000, seed=0)
test = rings(1000, seed=1)
angle, radius = torch.rand(2, 1000)
angle, radius = 2 * torch.pi * angle, 1.5 * radius.sqrt()
outliers = torch.stack([radius * angle.cos(), radius * angle.sin()], dim=1)      # uniform on a disc

energy = Energy()
opt = torch.optim.Adam(energy.parameters(), lr=3e-3, betas=(0.5, 0.999))
drops = torch.optim.lr_scheduler.MultiStepLR(opt, [500, 750], gamma=0.4)
buffer = (torch.rand(BUFFER, 2) * 2 - 1) * BOX


def on_ring(x):
    r = x.norm(dim=1)
    return ((r - 1.2).abs() < 0.2) | ((r - 0.48).abs() < 0.2)


@torch.no_grad()
def auc():
    e = torch.cat([energy(test), energy(outliers)])
    label = torch.cat([torch.zeros(1000), torch.ones(1000)])
    return roc_auc_score(label.numpy(), e.numpy())


print(f"untrained: outlier AUC {auc():.4f}")
for step in range(1, STEPS + 1):
    # persistent chains, one in twenty restarted from scratch
    pick = torch.randint(BUFFER, (BATCH,))
    start = buffer[pick]
    fresh = torch.rand(BATCH, 1) < 0.05
    start = torch.where(fresh, (torch.rand(BATCH, 2) * 2 - 1) * BOX, start)
    fake = langevin(energy, start, LANGEVIN_STEPS)
    buffer[pick] = fake

    real = data[torch.randint(len(data), (BATCH,))]
    real = real + 0.02 * torch.randn_like(real)
    e_real, e_fake = energy(real), energy(fake)
    loss = e_real.mean() - e_fake.mean() + 0.002 * (e_real ** 2 + e_fake ** 2).mean()
    opt.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(energy.parameters(), 2.0)
    opt.step()
    drops.step()
    if step % 150 == 0:
        print(f"step {step:4d}  gap {(e_real.mean() - e_fake.mean()).item():+.4f}  loss {loss.item():+.4f}  "
              f"outlier AUC {auc():.4f}  buffer on a ring {on_ring(buffer).float().mean():.3f}")

samples = langevin(energy, (torch.rand(1000, 2) * 2 - 1) * BOX, 600)
print(f"on a ring: uniform points {on_ring(outliers).float().mean():.3f}  data {on_ring(test).float().mean():.3f}  "
      f"fresh samples {on_ring(samples).float().mean():.3f}")
kde = KernelDensity(bandwidth=0.08).fit(data.numpy())
reference = roc_auc_score([1] * 1000 + [0] * 1000, kde.score_samples(torch.cat([test, outliers]).numpy()))
print(f"final outlier AUC {auc():.4f} (kernel density estimate on all data: {reference:.4f})")
