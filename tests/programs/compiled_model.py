"""Benign or malignant: a residual network on the breast cancer table, run through torch.compile."""

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_breast_cancer
from torch.utils.data import DataLoader, TensorDataset


class Residual(nn.Module):
    def __init__(self, width, rate):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.up = nn.Linear(width, 2 * width)
        self.down = nn.Linear(2 * width, width)
        self.drop = nn.Dropout(rate)

    def forward(self, x):
        return x + self.drop(self.down(F.gelu(self.up(self.norm(x)))))


class TableNet(nn.Module):
    def __init__(self, columns, width=24, depth=2, rate=0.2):
        super().__init__()
        self.stem = nn.Linear(columns, width)
        self.blocks = nn.ModuleList(Residual(width, rate) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.out = nn.Linear(width, 2)

    def forward(self, x):
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        return F.log_softmax(self.out(self.norm(x)), dim=1)


def load(seed):
    table = load_breast_cancer()
    x = torch.tensor(table.data, dtype=torch.float32)
    y = torch.tensor(table.target)
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(seed))
    fit, check = order[:448], order[448:]
    mean, std = x[fit].mean(dim=0), x[fit].std(dim=0)
    x = (x - mean) / std
    fit_loader = DataLoader(TensorDataset(x[fit], y[fit]), batch_size=64, shuffle=True, drop_last=True)
    return fit_loader, x[check], y[check]


def fit_one_epoch(model, loader, optimizer):
    model.train()
    total, steps = 0.0, 0
    for x, y in loader:
        optimizer.zero_grad()
        log_probs = model(x)
        loss = F.nll_loss(log_probs, y)
        loss.backward()
        optimizer.step()
        total += loss.item()
        steps += 1
    return total / steps


def score(model, x, y):
    model.eval()
    with torch.no_grad():
        answer = model(x)
        loss = F.nll_loss(answer, y).item()
        guess = answer.argmax(dim=1)
    recall = (guess[y == 0] == 0).float().mean().item()
    return loss, (guess == y).float().mean().item(), recall


def run(epochs=10, seed=2):
    torch.manual_seed(seed)
    loader, x_check, y_check = load(seed)
    model = torch.compile(TableNet(x_check.shape[1]), backend="aot_eager")
    optimizer = torch.optim.SGD(model.parameters(), lr=0.03, momentum=0.9, nesterov=True)
    for epoch in range(1, epochs + 1):
        fit_loss = fit_one_epoch(model, loader, optimizer)
        loss, share, recall = score(model, x_check, y_check)
        print(f"{epoch:2d}: fit {fit_loss:.4f}  check {loss:.4f}  right {share:.1%}  malignant found {recall:.1%}")
    return share


if __name__ == "__main__":
    print(f"final accuracy {run():.3f}")
