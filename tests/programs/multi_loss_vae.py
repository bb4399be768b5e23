"""A variational autoencoder that learns to write digits.

One function runs both kinds of epoch. The evaluation weighs the samples so that every digit counts alike, and new digits are drawn
from the prior after the training.
"""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

LATENT = 6


def block(inputs, outputs):
    return nn.Sequential(nn.Linear(inputs, outputs), nn.BatchNorm1d(outputs), nn.LeakyReLU(0.1))


class DigitVAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(block(64, 96), block(96, 48))
        self.to_mean = nn.Linear(48, LATENT)
        self.to_log_variance = nn.Linear(48, LATENT)
        self.decoder = nn.Sequential(block(LATENT, 48), block(48, 96), nn.Linear(96, 64))

    def encode(self, images):
        features = self.encoder(images)
        return self.to_mean(features), self.to_log_variance(features)

    def forward(self, images):
        mean, log_variance = self.encode(images)
        if self.training:
            code = mean + torch.randn_like(mean) * torch.exp(0.5 * log_variance)
        else:
            code = mean
        return self.decoder(code), mean, log_variance

    @torch.no_grad()
    def write(self, count):
        self.eval()
        return torch.sigmoid(self.decoder(torch.randn(count, LATENT)))


def elbo_terms(logits, images, mean, log_variance):
    """Per sample: bits lost in the reconstruction, and the price of the code."""
    reconstruction = F.binary_cross_entropy_with_logits(logits, images, reduction="none").sum(dim=1)
    divergence = -0.5 * (1 + log_variance - mean**2 - log_variance.exp()).sum(dim=1)
    return reconstruction, divergence


def run_epoch(model, loader, beta, optimizer=None):
    training = optimizer is not None
    model.train(training)
    sums = torch.zeros(3)
    with torch.set_grad_enabled(training):
        for images, weights in loader:
            logits, mean, log_variance = model(images)
            reconstruction, divergence = elbo_terms(logits, images, mean, log_variance)
            if training:
                loss = (reconstruction + beta * divergence).mean()
                optimizer.zero_grad(set_to_none=False)
                loss.backward()
                optimizer.step()
                weights = torch.ones_like(weights)
            sums[0] += (weights * reconstruction.detach()).sum()
            sums[1] += (weights * divergence.detach()).sum()
            sums[2] += weights.sum()
    reconstruction, divergence = (sums[:2] / sums[2]).tolist()
    return reconstruction, divergence


def make_loaders(seed):
    digits = load_digits()
    images = torch.tensor(digits.data / 16.0, dtype=torch.float32)
    labels = torch.tensor(digits.target)
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(images), generator=generator)
    train, test = order[:1472], order[1472:]
    weights = torch.ones(len(images))
    weights[test] = 1.0 / torch.bincount(labels[test], minlength=10)[labels[test]]
    dataset = TensorDataset(images, weights)
    train_loader = DataLoader(
        torch.utils.data.Subset(dataset, train.tolist()), batch_size=64, shuffle=True, generator=generator
    )
    test_loader = DataLoader(torch.utils.data.Subset(dataset, test.tolist()), batch_size=128)
    return train_loader, test_loader, images[train].mean(dim=0)


def draw(image):
    shades = " .:*#"
    levels = (image * 5).long().clamp(0, 4).reshape(8, 8).tolist()
    return [" ".join(shades[level] for level in row) for row in levels]


def main():
    torch.manual_seed(30)
    train_loader, test_loader, mean_image = make_loaders(seed=30)
    model = DigitVAE()
    optimizer = torch.optim.Adamax(model.parameters(), lr=1e-2)
    epochs = 6
    for epoch in range(1, epochs + 1):
        beta = min(1.0, epoch / 3)
        lost, price = run_epoch(model, train_loader, beta, optimizer)
        test_lost, test_price = run_epoch(model, test_loader, beta)
        print(f"epoch {epoch}: beta {beta:.2f}  train {lost:.2f} + {price:.2f}  test {test_lost:.2f} + {test_price:.2f}")
    pictures = [draw(image) for image in model.write(4)]
    for lines in zip(*pictures):
        print("   ".join(lines))
    drawn = model.write(200)
    print(f"drawn digits have {drawn.mean():.3f} ink, real ones {mean_image.mean():.3f}")


if __name__ == "__main__":
    main()
