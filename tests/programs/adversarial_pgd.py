"""Adversarial training on the digits: every batch is attacked by projected gradient descent before it is learned from.

The attack runs in eval mode and needs gradients of the pixels; whatever it leaves in the weights' gradients is thrown away.
"""
from argparse import ArgumentParser

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset, random_split


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)
        self.bn = nn.BatchNorm2d(32)
        self.fc1 = nn.Linear(32 * 16, 64)
        self.fc2 = nn.Linear(64, 10)
        self.dropout = nn.Dropout(0.2)

    def forward(self, x):
        x = F.relu(self.conv1(x))
        x = F.max_pool2d(F.relu(self.bn(self.conv2(x))), 2)
        x = self.dropout(F.relu(self.fc1(torch.flatten(x, 1))))
        return F.log_softmax(self.fc2(x), dim=1)


def pgd(model, x, y, eps, steps):
    was_training = model.training
    model.eval()
    delta = torch.empty_like(x).uniform_(-eps, eps)
    for _ in range(steps):
        delta.requires_grad_(True)
        loss = F.nll_loss(model(x + delta), y)
        loss.backward()
        with torch.no_grad():
            delta = (delta + 0.5 * eps * delta.grad.sign()).clamp(-eps, eps)
            delta = (x + delta).clamp(0, 1) - x
    model.train(was_training)
    return (x + delta).detach()


def test(model, loader, eps, steps=5):
    model.eval()
    clean = robust = 0
    for x, y in loader:
        attacked = pgd(model, x, y, eps, steps)
        with torch.no_grad():
            clean += model(x).argmax(1).eq(y).sum().item()
            robust += model(attacked).argmax(1).eq(y).sum().item()
    model.zero_grad()
    return clean / len(loader.dataset), robust / len(loader.dataset)


def main():
    parser = ArgumentParser()
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--eps", type=float, default=0.12)
    parser.add_argument("--attack-steps", type=int, default=3)
    args = parser.parse_args()
    torch.manual_seed(28)
    digits = load_digits()
    data = TensorDataset(torch.tensor(digits.images[:, None] / 16).float(), torch.tensor(digits.target))
    train_set, test_set = random_split(data, [1497, 300])
    train_loader, test_loader = DataLoader(train_set, 75, shuffle=True), DataLoader(test_set, 150)
    model = Net()
    optimizer = optim.Adadelta(model.parameters(), lr=1.0)
    for epoch in range(1, args.epochs + 1):
        model.train()
        total = 0.0
        for x, y in train_loader:
            attacked = pgd(model, x, y, args.eps, args.attack_steps)
            optimizer.zero_grad()
            loss = F.nll_loss(model(attacked), y)
            loss.backward()
            optimizer.step()
            total += loss.item()
        clean, robust = test(model, test_loader, args.eps)
        print(f"epoch {epoch}: adversarial loss {total / len(train_loader):.3f}, clean {clean:.3f}, attacked accuracy {robust:.3f}")


if __name__ == "__main__":
    main()
