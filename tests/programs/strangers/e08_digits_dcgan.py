"""DCGAN on the 8x8 digits. Follows the faces tutorial, scaled down."""
import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from torch.utils.data import DataLoader, TensorDataset

manualSeed = 999
torch.manual_seed(manualSeed)

nz, ngf, ndf = 24, 24, 16
batch_size = 64
num_epochs = 24
lr = 1e-3
beta1 = 0.5
real_label, fake_label = 0.9, 0.0

d = load_digits()
images = torch.tensor(d.images / 8.0 - 1.0, dtype=torch.float32).unsqueeze(1)
dataloader = DataLoader(TensorDataset(images), batch_size=batch_size, shuffle=True, drop_last=True)


def weights_init(m):
    classname = m.__class__.__name__
    if classname.find("Conv") != -1:
        nn.init.normal_(m.weight.data, 0.0, 0.02)
    elif classname.find("BatchNorm") != -1:
        nn.init.normal_(m.weight.data, 1.0, 0.02)
        nn.init.constant_(m.bias.data, 0)


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.main = nn.Sequential(
            nn.ConvTranspose2d(nz, ngf * 4, 2, 1, 0, bias=False),
            nn.BatchNorm2d(ngf * 4),
            nn.ReLU(True),
            nn.ConvTranspose2d(ngf * 4, ngf * 2, 4, 2, 1, bias=False),
            nn.BatchNorm2d(ngf * 2),
            nn.ReLU(True),
            nn.ConvTranspose2d(ngf * 2, ngf, 4, 2, 1, bias=False),
            nn.BatchNorm2d(ngf),
            nn.ReLU(True),
            nn.Conv2d(ngf, 1, 3, 1, 1, bias=False),
            nn.Tanh(),
        )

    def forward(self, z):
        return self.main(z)


class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.main = nn.Sequential(
            nn.Conv2d(1, ndf, 3, 1, 1, bias=False),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(ndf, ndf * 2, 4, 2, 1, bias=False),
            nn.BatchNorm2d(ndf * 2),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(ndf * 2, ndf * 2, 4, 2, 1, bias=False),
            nn.BatchNorm2d(ndf * 2),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(ndf * 2, 1, 2, 1, 0, bias=False),
        )

    def forward(self, x):
        return self.main(x).view(-1)


netG, netD = Generator().apply(weights_init), Discriminator().apply(weights_init)
criterion = nn.BCEWithLogitsLoss()
fixed_noise = torch.randn(500, nz, 1, 1)
optimizerD = torch.optim.Adam(netD.parameters(), lr=lr, betas=(beta1, 0.999))
optimizerG = torch.optim.Adam(netG.parameters(), lr=lr, betas=(beta1, 0.999))

judge = LogisticRegression(max_iter=3000).fit(d.images.reshape(-1, 64), d.target)
real_mean, real_cov = d.data.mean(0), np.cov(d.data.T)


def score(fake):
    """how sure the judge is, how many classes appear, distance of the mean image"""
    x = ((fake + 1) * 8).reshape(-1, 64).numpy().astype(np.float64)
    prob = judge.predict_proba(x)
    counts = np.bincount(prob.argmax(1), minlength=10)
    cov_gap = np.linalg.norm(np.cov(x.T) - real_cov) / np.linalg.norm(real_cov)
    return prob.max(1).mean(), int((counts >= 10).sum()), np.abs(x.mean(0) - real_mean).mean(), cov_gap


iters = 0
print("Starting Training Loop...")
for epoch in range(num_epochs):
    for (real,) in dataloader:
        # (1) Update D network: maximize log(D(x)) + log(1 - D(G(z)))
        netD.zero_grad()
        label = torch.full((real.size(0),), real_label)
        output = netD(real)
        errD_real = criterion(output, label)
        errD_real.backward()
        D_x = output.sigmoid().mean().item()

        noise = torch.randn(real.size(0), nz, 1, 1)
        fake = netG(noise)
        label.fill_(fake_label)
        output = netD(fake.detach())
        errD_fake = criterion(output, label)
        errD_fake.backward()
        errD = errD_real + errD_fake
        optimizerD.step()

        # (2) Update G network: maximize log(D(G(z)))
        netG.zero_grad()
        label.fill_(1.0)
        output = netD(fake)
        errG = criterion(output, label)
        errG.backward()
        D_G_z = output.sigmoid().mean().item()
        optimizerG.step()
        iters += 1

    if epoch % 3 == 2 or epoch == 0:
        with torch.no_grad():
            netG.eval()
            s = score(netG(fixed_noise))
            netG.train()
        print("[%d/%d] Loss_D: %.4f Loss_G: %.4f D(x): %.4f D(G(z)): %.4f | "
              "judge %.3f classes %d mean gap %.3f cov gap %.3f"
              % (epoch + 1, num_epochs, errD.item(), errG.item(), D_x, D_G_z, *s))

print(iters, "iterations; real data confidence:",
      round(float(judge.predict_proba(d.data).max(1).mean()), 3))
