"""WGAN with gradient penalty on 8x8 digits: five critic steps for each step of the generator."""
import argparse

import torch
from sklearn.datasets import load_digits
from torch import autograd, nn, optim

parser = argparse.ArgumentParser()
parser.add_argument("--n_epochs", type=int, default=14)
parser.add_argument("--batch_size", type=int, default=64)
parser.add_argument("--lr", type=float, default=2e-3)
parser.add_argument("--latent_dim", type=int, default=12)
parser.add_argument("--n_critic", type=int, default=5)
parser.add_argument("--lambda_gp", type=float, default=10.0)
opt = parser.parse_args()
torch.manual_seed(0)


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.l1 = nn.Linear(opt.latent_dim, 48 * 2 * 2)
        self.conv_blocks = nn.Sequential(
            nn.BatchNorm2d(48),
            nn.ReLU(),
            nn.ConvTranspose2d(48, 24, 4, stride=2, padding=1),
            nn.BatchNorm2d(24),
            nn.ReLU(),
            nn.ConvTranspose2d(24, 1, 4, stride=2, padding=1),
            nn.Tanh(),
        )

    def forward(self, z):
        return self.conv_blocks(self.l1(z).view(z.shape[0], 48, 2, 2))


class Critic(nn.Module):
    def __init__(self):
        super().__init__()
        self.model = nn.Sequential(
            nn.Conv2d(1, 24, 3, stride=2, padding=1),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(24, 48, 3, stride=2, padding=1),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Flatten(),
            nn.Linear(48 * 4, 1),
        )

    def forward(self, img):
        return self.model(img)


def compute_gradient_penalty(D, real_samples, fake_samples):
    alpha = torch.rand(real_samples.size(0), 1, 1, 1)
    interpolates = (alpha * real_samples + (1 - alpha) * fake_samples).requires_grad_(True)
    d_interpolates = D(interpolates)
    gradients = autograd.grad(
        outputs=d_interpolates,
        inputs=interpolates,
        grad_outputs=torch.ones_like(d_interpolates),
        create_graph=True,
        retain_graph=True,
        only_inputs=True,
    )[0]
    return ((gradients.flatten(1).norm(2, dim=1) - 1) ** 2).mean()


def score(generator, held_out):
    """Energy distance between drawn and held out digits, and between two halves of the held out ones."""
    generator.eval()
    with torch.no_grad():
        drawn = generator(torch.randn(len(held_out), opt.latent_dim)).flatten(1)
    generator.train()
    real = held_out.flatten(1)
    cross = torch.cdist(drawn, real).mean()
    return (2 * cross - torch.cdist(drawn, drawn).mean() - torch.cdist(real, real).mean()).item()


images = torch.tensor(load_digits().images, dtype=torch.float32).unsqueeze(1) / 8 - 1
images = images[torch.randperm(len(images))]
held_out, images = images[:400], images[400:]
dataloader = torch.utils.data.DataLoader(images, batch_size=opt.batch_size, shuffle=True, drop_last=True)

generator, critic = Generator(), Critic()
optimizer_G = optim.Adam(generator.parameters(), lr=opt.lr, betas=(0.5, 0.9))
optimizer_D = optim.Adam(critic.parameters(), lr=opt.lr, betas=(0.5, 0.9))

print(f"[before] [distance {score(generator, held_out):.4f}]")
batches_done = 0
for epoch in range(opt.n_epochs):
    for i, real_imgs in enumerate(dataloader):
        # ---- critic
        optimizer_D.zero_grad()
        z = torch.randn(real_imgs.shape[0], opt.latent_dim)
        fake_imgs = generator(z)
        real_validity = critic(real_imgs)
        fake_validity = critic(fake_imgs.detach())
        gradient_penalty = compute_gradient_penalty(critic, real_imgs.data, fake_imgs.data)
        d_loss = -torch.mean(real_validity) + torch.mean(fake_validity) + opt.lambda_gp * gradient_penalty
        d_loss.backward()
        optimizer_D.step()

        # ---- generator, every n_critic steps
        optimizer_G.zero_grad()
        if i % opt.n_critic == 0:
            fake_imgs = generator(z)
            g_loss = -torch.mean(critic(fake_imgs))
            g_loss.backward()
            optimizer_G.step()
        batches_done += 1
    if epoch % 7 == 6:
        print(
            f"[Epoch {epoch + 1}/{opt.n_epochs}] [D loss: {d_loss.item():.3f}] [G loss: {g_loss.item():.3f}] "
            f"[distance {score(generator, held_out):.4f}]"
        )
