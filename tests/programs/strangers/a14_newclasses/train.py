"""Transfer: learn digits 0-4 from scratch, then reuse the convolutions for 5-9."""
import argparse

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

from models import SmallNet


def loaders(classes, seed, batch=32):
    d = load_digits()
    keep = [i for i, t in enumerate(d.target) if t in classes]
    x, y = d.images[keep] / 16.0, d.target[keep] - min(classes)
    xtr, xte, ytr, yte = train_test_split(x, y, test_size=0.25, random_state=seed, stratify=y)

    def pack(a, b, shuffle):
        a = (torch.tensor(a, dtype=torch.float32).unsqueeze(1) - 0.3) / 0.37
        return DataLoader(TensorDataset(a, torch.tensor(b)), batch_size=batch, shuffle=shuffle)

    return pack(xtr, ytr, True), pack(xte, yte, False)


def make_optimizer(model, lr):
    params = [p for p in model.parameters() if p.requires_grad]
    return torch.optim.Adam(params, lr=lr)


def train_epoch(model, loader, optimizer):
    model.train()
    total = 0.0
    for x, y in loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(y)
    return total / len(loader.dataset)


@torch.no_grad()
def accuracy(model, loader):
    model.eval()
    return sum((model(x).argmax(1) == y).sum().item() for x, y in loader) / len(loader.dataset)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--pretrain-epochs", type=int, default=6)
    parser.add_argument("--finetune-epochs", type=int, default=10)
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    torch.manual_seed(args.seed)

    train, test = loaders(range(0, 5), args.seed)
    model = SmallNet(n_classes=5)
    optimizer = make_optimizer(model, args.lr)
    for _ in range(args.pretrain_epochs):
        train_epoch(model, train, optimizer)
    print(f"source task accuracy {accuracy(model, test):.3f}")

    train, test = loaders(range(5, 10), args.seed)
    model.freeze_backbone()
    optimizer = make_optimizer(model, args.lr)
    model.replace_head(n_classes=5)
    for epoch in range(args.finetune_epochs):
        loss = train_epoch(model, train, optimizer)
        print(f"finetune epoch {epoch}: loss {loss:.4f} test acc {accuracy(model, test):.3f}")


if __name__ == "__main__":
    main()
