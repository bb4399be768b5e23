"""WGAN-GP on a ring of Gaussians."""
import argparse
import math

import torch
from torch import autograd, nn, optim


MODES, RADIUS, NOISE = 8, 1.5, 0.1


def centres():
    ang = torch.arange(MODES) * 2 * math.pi / MODES
    return RADIUS * torch.stack([ang.cos(), ang.sin()], 1)


def real_batch(n, gen=None):
    k = torch.randint(MODES, (n,), generator=gen)
    return centres()[k] + NOISE * torch.randn(n, 2, generator=gen)


def mlp(i, o, width, depth, act):
    layers = [nn.Linear(i, width), act()]
    for _ in range(depth - 1):
        layers += [nn.Linear(width, width), act()]
    return nn.Sequential(*layers, nn.Linear(width, o))


class Generator(nn.Module):
    def __init__(self, z=8, width=64):
        super().__init__()
        self.z = z
        self.net = mlp(z, 2, width, 3, nn.ReLU)

    def forward(self, n):
        return self.net(torch.randn(n, self.z))


class Critic(nn.Module):
    def __init__(self, width=64):
        super().__init__()
        self.net = mlp(2, 1, width, 3, lambda: nn.LeakyReLU(0.2))

    def forward(self, x):
        return self.net(x).squeeze(1)


def gradient_penalty(critic, real, fake):
    mix = torch.rand(len(real), 1)
    x = (mix * real + (1 - mix) * fake).requires_grad_(True)
    score = critic(x)
    (grad,) = autograd.grad(score, x, grad_outputs=torch.ones_like(score), retain_graph=True)
    return ((grad.norm(2, dim=1) - 1) ** 2).mean()


def sliced_wasserstein(a, b, directions=128):
    th = torch.linspace(0, math.pi, directions + 1)[:-1]
    d = torch.stack([th.cos(), th.sin()])
    return ((a @ d).sort(0).values - (b @ d).sort(0).values).abs().mean().item()


@torch.no_grad()
def report(gen, n=4000):
    g = torch.Generator().manual_seed(77)
    real = real_batch(n, g)
    fake = gen(n)
    dist, which = torch.cdist(fake, centres()).min(1)
    good = dist < 3 * NOISE
    modes = (torch.bincount(which[good], minlength=MODES) > n // 50).sum().item()
    return sliced_wasserstein(fake, real), modes, good.float().mean().item()


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--steps", type=int, default=900)
    p.add_argument("--n-critic", type=int, default=4)
    p.add_argument("--gp", type=float, default=1.0)
    p.add_argument("--batch", type=int, default=128)
    p.add_argument("--lr", type=float, default=1e-3)
    p.add_argument("--seed", type=int, default=0)
    a = p.parse_args()
    torch.manual_seed(a.seed)
    gen, critic = Generator(), Critic()
    opt_g = optim.Adam(gen.parameters(), lr=a.lr * 0.5, betas=(0.5, 0.9))
    opt_c = optim.Adam(critic.parameters(), lr=a.lr, betas=(0.5, 0.9))
    decay = [optim.lr_scheduler.LinearLR(o, 1.0, 0.1, total_iters=a.steps) for o in (opt_g, opt_c)]

    for it in range(1, a.steps + 1):
        for q in critic.parameters():
            q.requires_grad_(True)
        for _ in range(a.n_critic):
            real = real_batch(a.batch)
            with torch.no_grad():
                fake = gen(a.batch)
            w = critic(real).mean() - critic(fake).mean()
            gp = gradient_penalty(critic, real, fake)
            loss_c = -w + a.gp * gp
            opt_c.zero_grad()
            loss_c.backward()
            opt_c.step()

        for q in critic.parameters():
            q.requires_grad_(False)
        loss_g = -critic(gen(a.batch)).mean()
        opt_g.zero_grad()
        loss_g.backward()
        opt_g.step()
        for s in decay:
            s.step()

        if it % 150 == 0:
            swd, modes, good = report(gen)
            print(f"{it:5d}  critic loss {loss_c.item():9.3f}  SWD {swd:.3f}  modes {modes}/{MODES}  on-mode {good:.2f}")

    swd, modes, good = report(gen)
    print(f"final: sliced Wasserstein {swd:.3f}, {modes} of {MODES} modes, {100 * good:.1f} % of samples on a mode")


if __name__ == "__main__":
    main()
