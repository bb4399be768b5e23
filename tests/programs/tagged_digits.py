"""What is in a handwritten digit: four tags at once, from an encoder that first learned to remove noise.

The denoiser's decoder is left behind, so its weights are loaded with `strict=False` on purpose. Scores leave the
network as probabilities, which is what `BCELoss` takes; a temperature is learned between limits; the best epoch's
weights are copied and put back before the test.
"""

import copy
import os
import tempfile

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

TAGS = {"even": {0, 2, 4, 6, 8}, "has a loop": {0, 6, 8, 9}, "at least five": {5, 6, 7, 8, 9}, "straight": {1, 4, 7}}


class Encoder(nn.Module):
    def __init__(self, width=48):
        super().__init__()
        self.first = nn.Conv2d(1, 16, 3, padding=1)
        self.second = nn.Conv2d(16, 24, 3, stride=2, padding=1)
        self.out = nn.Linear(24 * 4 * 4, width)

    def forward(self, x):
        x = F.leaky_relu(self.first(x), 0.1)
        x = F.leaky_relu(self.second(x), 0.1)
        return self.out(x.flatten(1))


class Denoiser(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = Encoder()
        self.decoder = nn.Sequential(nn.Linear(48, 96), nn.ReLU(), nn.Linear(96, 64))

    def forward(self, x):
        return torch.sigmoid(self.decoder(F.relu(self.encoder(x)))).view(-1, 1, 8, 8)


class Tagger(nn.Module):
    def __init__(self, tags):
        super().__init__()
        self.encoder = Encoder()
        self.head = nn.Linear(48, tags)
        self.temperature = nn.Parameter(torch.ones(tags))

    def forward(self, x):
        scores = self.head(F.relu(self.encoder(x)))
        return torch.sigmoid(scores / self.temperature.clamp(min=0.1, max=10.0))


def digits():
    data = load_digits()
    order = torch.randperm(len(data.target), generator=torch.Generator().manual_seed(4))
    images = torch.tensor(data.images, dtype=torch.float32)[order, None] / 16
    tags = torch.tensor([[float(d in members) for members in TAGS.values()] for d in data.target])[order]
    return [(images[a:b], tags[a:b]) for a, b in ((0, 1000), (1000, 1300), (1300, 1797))]


def pretrain(images, folder):
    denoiser = Denoiser()
    optimizer = torch.optim.Adam(denoiser.parameters(), lr=2e-3)
    for epoch in range(4):
        total = 0.0
        for clean in images[torch.randperm(len(images))].split(50):
            noisy = (clean + 0.3 * torch.randn_like(clean)).clamp(0, 1)
            loss = F.binary_cross_entropy(denoiser(noisy), clean)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(clean)
        print(f"denoise {epoch}: {total / len(images):.4f}")
    path = os.path.join(folder, "denoiser.pt")
    torch.save(denoiser.state_dict(), path)
    return path


@torch.no_grad()
def evaluate(model, loader, criterion):
    model.eval()
    loss, exact, count = 0.0, 0, 0
    for x, y in loader:
        p = model(x)
        loss += criterion(p, y).item() * len(y)
        exact += ((p > 0.5) == (y > 0.5)).all(dim=1).sum().item()
        count += len(y)
    return loss / count, exact / count


def main():
    torch.manual_seed(7)
    (x, y), (x_val, y_val), (x_test, y_test) = digits()
    with tempfile.TemporaryDirectory() as folder:
        weights = torch.load(pretrain(x, folder))
    model = Tagger(len(TAGS))
    missing, unexpected = model.load_state_dict(weights, strict=False)
    print(f"from the denoiser: {len(weights) - len(unexpected)} tensors, new: {missing}")
    train_loader = DataLoader(TensorDataset(x, y), batch_size=40, shuffle=True)
    val_loader = DataLoader(TensorDataset(x_val, y_val), batch_size=150)
    test_loader = DataLoader(TensorDataset(x_test, y_test), batch_size=150)
    criterion = nn.BCELoss()
    optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-3)
    best, best_weights = float("inf"), None
    for epoch in range(6):
        model.train()
        for xb, yb in train_loader:
            optimizer.zero_grad()
            probability = model(xb)
            loss = criterion(probability, yb)
            loss.backward()
            optimizer.step()
        val_loss, val_exact = evaluate(model, val_loader, criterion)
        if val_loss < best:
            best, best_weights = val_loss, copy.deepcopy(model.state_dict())
        print(f"epoch {epoch}: val loss {val_loss:.4f} exact {val_exact:.3f}")
    model.load_state_dict(best_weights)
    test_loss, test_exact = evaluate(model, test_loader, criterion)
    print(f"test loss {test_loss:.4f} test exact {test_exact:.3f}")


if __name__ == "__main__":
    main()
