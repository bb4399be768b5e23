"""A vector-quantised autoencoder of the digits: straight-through codes, codebook moved by exponential averages, dead codes revived."""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F
from torch.utils.data import BatchSampler, RandomSampler


class Quantizer(nn.Module):
    def __init__(self, codes: int, dim: int, decay: float = 0.95):
        super().__init__()
        self.decay = decay
        self.register_buffer("book", torch.randn(codes, dim))
        self.register_buffer("usage", torch.ones(codes))
        self.register_buffer("sums", self.book.clone())

    def forward(self, z):
        flat = z.permute(0, 2, 3, 1).reshape(-1, z.shape[1])
        index = torch.cdist(flat.detach(), self.book).argmin(dim=1)
        quantized = self.book[index].view(z.shape[0], z.shape[2], z.shape[3], -1).permute(0, 3, 1, 2)
        if self.training:
            self.move(flat.detach(), index)
        commitment = F.mse_loss(z, quantized.detach())
        return z + (quantized - z).detach(), commitment, index

    @torch.no_grad()
    def move(self, flat, index):
        hot = F.one_hot(index, len(self.book)).float()
        self.usage.mul_(self.decay).add_(hot.sum(0), alpha=1 - self.decay)
        self.sums.mul_(self.decay).add_(hot.T @ flat, alpha=1 - self.decay)
        self.book.copy_(self.sums / self.usage.clamp(min=1e-3).unsqueeze(1))
        dead = self.usage < 0.05
        if dead.any():
            fresh = flat[torch.randint(len(flat), (int(dead.sum()),))]
            self.book[dead], self.sums[dead], self.usage[dead] = fresh, fresh, 1.0


class VQVAE(nn.Module):
    def __init__(self, codes=32, dim=12):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 24, 4, stride=2, padding=1), nn.ReLU(), nn.Conv2d(24, 24, 3, padding=1), nn.ReLU(), nn.Conv2d(24, dim, 1)
        )
        self.quantizer = Quantizer(codes, dim)
        self.decoder = nn.Sequential(
            nn.Conv2d(dim, 24, 3, padding=1), nn.ReLU(), nn.Upsample(scale_factor=2, mode="nearest"), nn.Conv2d(24, 1, 3, padding=1)
        )

    def forward(self, images):
        codes, commitment, index = self.quantizer(self.encoder(images))
        return self.decoder(codes), commitment, index


def evaluate(model, images):
    model.eval()
    with torch.no_grad():
        rebuilt, _, index = model(images)
        error = F.mse_loss(rebuilt, images)
        share = torch.bincount(index, minlength=32) / index.numel()
        perplexity = torch.exp(-(share * (share + 1e-10).log()).sum())
    model.train()
    return error.item(), perplexity.item()


if __name__ == "__main__":
    torch.manual_seed(37)
    images = torch.tensor(load_digits().images, dtype=torch.float32).unsqueeze(1) / 16
    images = images[torch.randperm(len(images))]
    test_images, train_images = images[:300], images[300:]
    model = VQVAE()
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3)
    baseline = F.mse_loss(train_images.mean(0).expand_as(test_images), test_images).item()
    print(f"the mean image: error {baseline:.4f}")
    for epoch in range(8):
        history = []
        for rows in BatchSampler(RandomSampler(train_images), 64, drop_last=True):
            batch = train_images[rows]
            rebuilt, commitment, _ = model(batch)
            reconstruction = F.mse_loss(rebuilt, batch)
            optimizer.zero_grad()
            (reconstruction + 0.25 * commitment).backward()
            optimizer.step()
            history.append((reconstruction.item(), commitment.item()))
        mse, commit = (sum(column) / len(column) for column in zip(*history))
        error, perplexity = evaluate(model, test_images)
        print(f"epoch {epoch}: mse {mse:.4f} commitment {commit:.4f} | perplexity {perplexity:.1f} error {error:.4f}")
