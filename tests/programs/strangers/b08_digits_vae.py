"""Variational autoencoder on the sklearn digits."""
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split


class VAE(nn.Module):
    def __init__(self, latent=6, hidden=128):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(64, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU())
        self.to_mu = nn.Linear(hidden, latent)
        self.to_logvar = nn.Linear(hidden, latent)
        self.decoder = nn.Sequential(nn.Linear(latent, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(),
                                     nn.Linear(hidden, 64))
        self.latent = latent

    def encode(self, x):
        h = self.encoder(x)
        return self.to_mu(h), self.to_logvar(h)

    def forward(self, x):
        mu, logvar = self.encode(x)
        z = mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)
        return self.decoder(z), mu, logvar

    def reconstruct(self, x):
        return torch.sigmoid(self.decoder(self.encode(x)[0]))


class ElboTrainer:
    def __init__(self, model, lr=2e-3, warmup=200):
        self.model = model
        self.opt = torch.optim.Adam(model.parameters(), lr=lr)
        self.warmup = warmup
        self.step = 0

    def reconstruction(self, logits, x):
        return F.binary_cross_entropy_with_logits(logits, x)

    def divergence(self, mu, logvar):
        per_image = -0.5 * (1 + logvar - mu.pow(2) - logvar.exp()).sum(dim=1)
        return per_image.mean()

    def fit_epoch(self, loader):
        self.model.train()
        rec_sum = kl_sum = count = 0
        for (x,) in loader:
            logits, mu, logvar = self.model(x)
            rec, kl = self.reconstruction(logits, x), self.divergence(mu, logvar)
            beta = min(1.0, (self.step + 1) / self.warmup)
            loss = rec + beta * kl
            self.opt.zero_grad()
            loss.backward()
            self.opt.step()
            self.step += 1
            rec_sum += rec.item() * len(x)
            kl_sum += kl.item() * len(x)
            count += len(x)
        return rec_sum / count, kl_sum / count

    @torch.no_grad()
    def pixel_mse(self, x):
        self.model.eval()
        return F.mse_loss(self.model.reconstruct(x), x).item()


def main():
    torch.manual_seed(0)
    X = torch.tensor(load_digits().data / 16.0, dtype=torch.float32)
    train, test = train_test_split(X, test_size=0.2, random_state=0)
    gen = torch.Generator().manual_seed(0)
    loader = DataLoader(TensorDataset(train), batch_size=64, shuffle=True, generator=gen)

    trainer = ElboTrainer(VAE())
    for epoch in range(1, 41):
        rec, kl = trainer.fit_epoch(loader)
        if epoch % 5 == 0:
            print(f"epoch {epoch:2d}  rec {rec:.4f}  kl {kl:.4f}  test mse {trainer.pixel_mse(test):.4f}")

    mean_image = train.mean(0, keepdim=True).expand_as(test)
    print(f"test reconstruction mse {trainer.pixel_mse(test):.4f}"
          f"  (mean image: {F.mse_loss(mean_image, test).item():.4f})")
    with torch.no_grad():
        draws = torch.sigmoid(trainer.model.decoder(torch.randn(500, trainer.model.latent)))
    print(f"pixel std over 500 draws {draws.std(0).mean():.3f}   over test images {test.std(0).mean():.3f}")


if __name__ == "__main__":
    main()
