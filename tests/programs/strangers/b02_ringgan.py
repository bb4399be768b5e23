import math
import argparse
import torch
from torch import nn


def get_args():
    p = argparse.ArgumentParser(description="GAN on a ring of gaussians")
    p.add_argument("--steps", type=int, default=2000)
    p.add_argument("--batch", type=int, default=256)
    p.add_argument("--zdim", type=int, default=4)
    p.add_argument("--width", type=int, default=64)
    p.add_argument("--lr", type=float, default=1e-3)
    p.add_argument("--seed", type=int, default=3)
    return p.parse_args()


N_MODES, RADIUS, SIGMA = 8, 1.0, 0.06


def centres():
    ang = torch.arange(N_MODES) * (2 * math.pi / N_MODES)
    return RADIUS * torch.stack([ang.cos(), ang.sin()], dim=1)


def real_batch(n):
    c = centres()[torch.randint(N_MODES, (n,))]
    return c + SIGMA * torch.randn(n, 2)


class Generator(nn.Module):
    def __init__(self, zdim, width):
        super().__init__()
        self.zdim = zdim
        self.body = nn.Sequential(
            nn.Linear(zdim, width), nn.ReLU(),
            nn.Linear(width, width), nn.ReLU(),
            nn.Linear(width, 2),
        )

    def forward(self, z):
        return self.body(z)

    @torch.no_grad()
    def sample(self, n):
        z = torch.randn(n, self.zdim)
        return self(z)


class Discriminator(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(2, width), nn.LeakyReLU(0.2),
            nn.Linear(width, width), nn.LeakyReLU(0.2),
            nn.Linear(width, 1),
        )

    def forward(self, x):
        return self.body(x).squeeze(1)


def update_discriminator(gen, disc, opt, crit, n):
    real, fake = real_batch(n), gen.sample(n)
    loss = crit(disc(real), torch.full((n,), 0.9)) + crit(disc(fake), torch.zeros(n))
    opt.zero_grad()
    loss.backward()
    opt.step()
    return loss.item()


def update_generator(gen, disc, opt, crit, n):
    fake = gen.sample(n)
    loss = crit(disc(fake), torch.ones(n))
    opt.zero_grad()
    loss.backward()
    opt.step()
    return loss.item()


def quality(gen, n=2000):
    pts = gen.sample(n)
    d, which = torch.cdist(pts, centres()).min(dim=1)
    good = d < 4 * SIGMA
    return good.float().mean().item(), which[good].unique().numel()


def main():
    a = get_args()
    torch.manual_seed(a.seed)
    gen, disc = Generator(a.zdim, a.width), Discriminator(a.width)
    g_opt = torch.optim.Adam(gen.parameters(), lr=a.lr, betas=(0.5, 0.999))
    d_opt = torch.optim.Adam(disc.parameters(), lr=a.lr, betas=(0.5, 0.999))
    crit = nn.BCEWithLogitsLoss()

    for step in range(1, a.steps + 1):
        d_loss = update_discriminator(gen, disc, d_opt, crit, a.batch)
        g_loss = update_generator(gen, disc, g_opt, crit, a.batch)
        if step % 250 == 0:
            share, modes = quality(gen)
            print(f"[{step:5d}] D {d_loss:.3f}  G {g_loss:.3f}  on-mode {share:.2f}  modes {modes}/{N_MODES}")

    gen.eval()
    share, modes = quality(gen, 5000)
    print(f"final: {share:.3f} of the samples on a mode, {modes} of {N_MODES} modes covered")


if __name__ == "__main__":
    main()
