"""Lottery tickets: train, prune the smallest weights, rewind the rest to where they began, train again."""
import copy

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.nn.utils import prune
from torch.utils.data import DataLoader, TensorDataset

ROUNDS, EPOCHS, PRUNE = 3, 3, 0.5


class LeNet300(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2, self.fc3 = nn.Linear(64, 100), nn.Linear(100, 50), nn.Linear(50, 10)

    def forward(self, x):
        return self.fc3(torch.tanh(self.fc2(torch.tanh(self.fc1(x)))))


def prunable(model):
    return [(model.fc1, "weight"), (model.fc2, "weight"), (model.fc3, "weight")]


def train(model, loader):
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    model.train()
    for epoch in range(EPOCHS):
        for x, y in loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
    return loss.item()


def evaluate(model, x, y):
    model.eval()
    with torch.no_grad():
        return (model(x).argmax(1) == y).float().mean().item()


def rewind(model, initial):
    """Weights go back to their first values; masks stay."""
    for module, name in prunable(model):
        original = getattr(module, f"{name}_orig", None)
        target = getattr(module, name) if original is None else original
        prefix = next(n for n, m in model.named_modules() if m is module)
        with torch.no_grad():
            target.copy_(initial[f"{prefix}.{name}"])
            module.bias.copy_(initial[f"{prefix}.bias"])


def density(model):
    masks = [module.weight_mask for module, _ in prunable(model)]
    return sum(m.sum().item() for m in masks) / sum(m.numel() for m in masks)


def main():
    torch.manual_seed(34)
    digits = load_digits()
    x, y = torch.tensor(digits.data, dtype=torch.float32) / 8 - 1, torch.tensor(digits.target)
    order = torch.randperm(len(x))
    train_rows, test_rows = order[:1440], order[1440:]
    loader = DataLoader(TensorDataset(x[train_rows], y[train_rows]), batch_size=60, shuffle=True)
    model = LeNet300()
    initial = copy.deepcopy(model.state_dict())
    loss = train(model, loader)
    print(f"dense: loss {loss:.3f} accuracy {evaluate(model, x[test_rows], y[test_rows]):.3f}")
    for round_ in range(ROUNDS):
        prune.global_unstructured(prunable(model), pruning_method=prune.L1Unstructured, amount=PRUNE)
        rewind(model, initial)
        loss = train(model, loader)
        print(f"density {density(model):.3f}: loss {loss:.3f} accuracy {evaluate(model, x[test_rows], y[test_rows]):.3f}")
    for module, name in prunable(model):
        prune.remove(module, name)
    print(f"masks made permanent: accuracy {evaluate(model, x[test_rows], y[test_rows]):.3f}")


if __name__ == "__main__":
    main()
