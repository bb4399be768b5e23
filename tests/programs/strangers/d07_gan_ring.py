"""Non-saturating GAN with R1 penalty and a generator EMA on a ring of Gaussians."""
import copy
import math
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(0)

MODES, RADIUS, STD = 8, 2.0, 0.08
Z_DIM, BATCH, STEPS = 8, 128, 2200
R1_EVERY, R1_GAMMA, EMA_BETA = 2, 0.05, 0.995

angles = torch.arange(MODES) * (2 * math.pi / MODES)
centers = RADIUS * torch.stack([angles.cos(), angles.sin()], dim=1)


def sample_real(n, generator=None):
    k = torch.randint(0, MODES, (n,), generator=generator)
    return centers[k] + STD * torch.randn(n, 2, generator=generator)


def mlp(sizes, act):
    layers = []
    for a, b in zip(sizes[:-2], sizes[1:-1]):
        layers += [nn.Linear(a, b), act()]
    layers.append(nn.Linear(sizes[-2], sizes[-1]))
    return nn.Sequential(*layers)


class Discriminator(nn.Module):
    def __init__(self, hidden=96):
        super().__init__()
        self.net = mlp([2, hidden, hidden, 1], lambda: nn.LeakyReLU(0.2))

    def forward(self, x):
        return self.net(x).squeeze(1)


def requires_grad(module, flag):
    for p in module.parameters():
        p.requires_grad_(flag)


@torch.no_grad()
def ema_update(target, source, beta):
    for pt, ps in zip(target.parameters(), source.parameters()):
        pt.lerp_(ps, 1 - beta)


def energy_distance(a, b):
    return (2 * torch.cdist(a, b).mean() - torch.cdist(a, a).mean() - torch.cdist(b, b).mean()).item()


@torch.no_grad()
def report(tag, gen):
    g = torch.Generator().manual_seed(123)
    fake = gen(torch.randn(2000, Z_DIM, generator=g))
    real = sample_real(2000, g)
    dist, which = torch.cdist(fake, centers).min(dim=1)
    good = dist < 4 * STD
    counts = torch.bincount(which[good], minlength=MODES)
    covered = int((counts > 2000 / MODES / 4).sum())
    ed = energy_distance(fake, real)
    print(f'{tag}: on-mode {good.float().mean():.3f} modes {covered}/{MODES} energy {ed:.4f}')
    return ed


G = mlp([Z_DIM, 96, 96, 96, 2], nn.ReLU)
D = Discriminator()
G_ema = copy.deepcopy(G)
requires_grad(G_ema, False)
opt_g = torch.optim.Adam(G.parameters(), lr=5e-4, betas=(0.0, 0.99))
opt_d = torch.optim.Adam(D.parameters(), lr=1e-3, betas=(0.0, 0.99))
decay = lambda s: 1.0 if s < STEPS // 2 else 0.1 + 0.9 * (STEPS - s) / (STEPS - STEPS // 2)
sched_g = torch.optim.lr_scheduler.LambdaLR(opt_g, decay)
sched_d = torch.optim.lr_scheduler.LambdaLR(opt_d, decay)

start = time.time()
report('untrained', G_ema)
for step in range(STEPS):
    # critic turn
    requires_grad(D, True)
    real = sample_real(BATCH)
    fake = G(torch.randn(BATCH, Z_DIM)).detach()
    noise = 0.5 * max(0.0, 1 - 2 * step / STEPS)
    d_real = D(real + noise * torch.randn_like(real))
    d_fake = D(fake + noise * torch.randn_like(fake))
    loss_d = F.softplus(-d_real).mean() + F.softplus(d_fake).mean()
    if step % R1_EVERY == 0:
        xr = real.clone().requires_grad_(True)
        grad, = torch.autograd.grad(D(xr).sum(), xr, create_graph=True)
        loss_d = loss_d + 0.5 * R1_GAMMA * R1_EVERY * grad.pow(2).sum(1).mean()
    loss_d.backward()
    opt_d.step()
    opt_d.zero_grad(set_to_none=True)

    # generator turn
    requires_grad(D, False)
    fake = G(torch.randn(BATCH, Z_DIM))
    loss_g = F.softplus(-D(fake + noise * torch.randn_like(fake))).mean()
    loss_g.backward()
    opt_g.step()
    opt_g.zero_grad(set_to_none=True)
    ema_update(G_ema, G, min(EMA_BETA, (1 + step) / (10 + step)))

    sched_g.step()
    sched_d.step()
    if (step + 1) % 500 == 0:
        print(f'step {step + 1} d {loss_d.item():.3f} g {loss_g.item():.3f} '
              f'lr {sched_g.get_last_lr()[0]:.1e}')
        report('   ema', G_ema)

report('final (ema)', G_ema)
report('final (raw)', G)
real_vs_real = energy_distance(sample_real(2000), sample_real(2000))
print(f'energy real-vs-real {real_vs_real:.4f}, time {time.time() - start:.1f}s')
