"""Trains a small GAN to draw points from two concentric rings in the plane.

The generator uses batch normalisation, the discriminator dropout.  After every
few epochs the same fixed noise is turned into points and scored: how many of
them lie on a ring, how many of the twelve sectors are reached, and how often
the discriminator is still right.
"""
from math import pi

from torch import Tensor, atan2, cat, cos, manual_seed, no_grad, ones, rand, randint, randn, randperm, sin, stack, zeros
from torch.nn import BatchNorm1d, Dropout, LeakyReLU, Linear, Module, ReLU, Sequential
from torch.nn.functional import binary_cross_entropy_with_logits as bce
from torch.optim import Adam

RADII = (0.6, 1.4)
NOISE = 8
BATCH = 128
EPOCHS = 24


def rings(count: int) -> Tensor:
    """Points on two rings, slightly blurred."""
    angle = rand(count) * 2 * pi
    radius = Tensor(RADII)[randint(0, 2, (count,))] + 0.08 * randn(count)
    return stack([radius * cos(angle), radius * sin(angle)], dim=1)


class Generator(Module):
    def __init__(self, width: int = 64):
        super().__init__()
        self.body = Sequential(
            Linear(NOISE, width),
            BatchNorm1d(width),
            ReLU(),
            Linear(width, width),
            BatchNorm1d(width),
            ReLU(),
        )
        self.to_plane = Linear(width, 2)

    def forward(self, noise):
        return self.to_plane(self.body(noise))


class Discriminator(Module):
    def __init__(self, width: int = 64):
        super().__init__()
        self.layers = Sequential(
            Linear(3, width),
            LeakyReLU(0.2),
            Dropout(0.1),
            Linear(width, width),
            LeakyReLU(0.2),
            Dropout(0.1),
            Linear(width, 1),
        )

    def forward(self, points):
        squared_radius = points.square().sum(dim=1, keepdim=True)
        return self.layers(cat([points, squared_radius], dim=1)).squeeze(1)


manual_seed(7)
points = rings(2048)
held_out = rings(512)
generator, discriminator = Generator(), Discriminator()
g_opt = Adam(generator.parameters(), lr=5e-3, betas=(0.5, 0.99))
d_opt = Adam(discriminator.parameters(), lr=8e-3, betas=(0.5, 0.99))
fixed_noise = randn(512, NOISE)


def draw(noise):
    """Points for the given noise, from the generator as it would be used."""
    generator.eval()
    with no_grad():
        drawn = generator(noise)
    generator.train()
    return drawn


def quality(drawn):
    """Share of points on a ring, and number of sectors that hold any."""
    radius = drawn.norm(dim=1, keepdim=True)
    on_ring = (radius - Tensor(RADII)).abs().amin(dim=1) < 0.15
    sector = ((atan2(drawn[:, 1], drawn[:, 0]) + pi) / (2 * pi) * 12).long().clamp(max=11)
    return on_ring.float().mean().item(), sector[on_ring].unique().numel()


def judged_right(drawn):
    """How often the discriminator tells held-out points from drawn ones."""
    discriminator.eval()
    with no_grad():
        verdict = cat([discriminator(held_out) > 0, discriminator(drawn) <= 0])
    discriminator.train()
    return verdict.float().mean().item()


on_ring, sectors = quality(draw(fixed_noise))
print(f"before       on ring {on_ring:.3f}  sectors {sectors}")

for epoch in range(1, EPOCHS + 1):
    d_total = g_total = 0.0
    batches = randperm(len(points)).split(BATCH)
    for chosen in batches:
        real = points[chosen]
        fake = generator(randn(len(real), NOISE))

        # the discriminator learns from the points only, not through them
        d_opt.zero_grad()
        d_loss = bce(discriminator(real), ones(len(real))) + bce(discriminator(fake.detach()), zeros(len(real)))
        d_loss.backward()
        d_opt.step()

        # the generator learns through the discriminator
        g_opt.zero_grad()
        g_loss = bce(discriminator(fake), ones(len(real)))
        g_loss.backward()
        g_opt.step()

        d_total += d_loss.item()
        g_total += g_loss.item()

    if epoch % 4 == 0:
        drawn = draw(fixed_noise)
        on_ring, sectors = quality(drawn)
        print(
            f"epoch {epoch:3d}  d {d_total / len(batches):.3f}  g {g_total / len(batches):.3f}  "
            f"on ring {on_ring:.3f}  sectors {sectors}  judged right {judged_right(drawn):.3f}"
        )
