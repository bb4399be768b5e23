"""Selective backpropagation: a cheap pass without gradients finds the hard half of each batch, only that half is learned from."""
import argparse

import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset, random_split


class Net(nn.Module):
    def __init__(self, p):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 12, 3, padding=1), nn.BatchNorm2d(12), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(12, 24, 3, padding=1), nn.BatchNorm2d(24), nn.ReLU(), nn.MaxPool2d(2),
        )
        self.head = nn.Sequential(nn.Flatten(), nn.Dropout(p), nn.Linear(96, 10))

    def forward(self, x):
        return self.head(self.features(x))


class HardHalf:
    """Picks samples by their loss under the weights of the moment, as the network sees them in training."""

    def __init__(self, model, share=0.5):
        self.model, self.share = model, share
        self.per_sample = nn.CrossEntropyLoss(reduction="none")
        self.seen = self.used = 0

    @torch.no_grad()
    def __call__(self, x, y):
        losses = self.per_sample(self.model(x), y)
        chosen = losses.topk(max(1, int(self.share * len(y)))).indices
        self.seen += len(y)
        self.used += len(chosen)
        return x[chosen], y[chosen]


def evaluate(model, loader):
    model.eval()
    right = 0
    with torch.no_grad():
        for x, y in loader:
            right += (model(x).argmax(1) == y).sum().item()
    model.train()
    return right / len(loader.dataset)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--share", type=float, default=0.5)
    args = parser.parse_args()
    torch.manual_seed(15)
    digits = load_digits()
    everything = TensorDataset(torch.tensor(digits.images).float()[:, None] / 16, torch.tensor(digits.target))
    train_set, test_set = random_split(everything, [1437, 360])
    train_loader = DataLoader(train_set, batch_size=96, shuffle=True, drop_last=True)
    test_loader = DataLoader(test_set, batch_size=120)
    model = Net(p=0.1)
    pick = HardHalf(model, args.share)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    for epoch in range(1, args.epochs + 1):
        total = 0.0
        for x, y in train_loader:
            x, y = pick(x, y)
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            total += loss.item()
        print(
            f"epoch {epoch}: loss of the hard ones {total / len(train_loader):.3f}, "
            f"learned from {pick.used} of {pick.seen}, accuracy {evaluate(model, test_loader):.3f}"
        )


if __name__ == "__main__":
    main()
