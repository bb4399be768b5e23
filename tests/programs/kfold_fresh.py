"""Wine cultivars from thirteen chemical measurements, scored by 5-fold cross-validation.

Every fold starts from nothing: model, optimizer, schedule and loaders are new. Early stopping looks at a slice of the training part,
never at the fold that is scored.
"""

import copy
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_wine
from torch.utils.data import DataLoader, TensorDataset


@dataclass
class Settings:
    folds: int = 5
    most_epochs: int = 20
    patience: int = 5
    batch: int = 28
    lr: float = 0.05
    seed: int = 8


class WineNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(13, 24)
        self.norm = nn.BatchNorm1d(24)
        self.second = nn.Linear(24, 12)
        self.drop = nn.Dropout(0.3)
        self.third = nn.Linear(12, 3)

    def forward(self, x):
        hidden = torch.relu(self.norm(self.first(x)))
        hidden = torch.relu(self.second(hidden))
        return self.third(self.drop(hidden))


def split(labels, folds, random):
    """Stratified: every fold gets its share of every cultivar."""
    fold_of = np.empty(len(labels), dtype=int)
    for cultivar in np.unique(labels):
        where = random.permutation(np.flatnonzero(labels == cultivar))
        fold_of[where] = np.arange(len(where)) % folds
    return fold_of


def measure(model, criterion, loader):
    model.eval()
    total, right, count = 0.0, 0, 0
    with torch.no_grad():
        for x, y in loader:
            scores = model(x)
            total += criterion(scores, y).item() * len(y)
            right += (scores.argmax(1) == y).sum().item()
            count += len(y)
    return total / count, right / count


def run_fold(number, x, y, fold_of, settings, random):
    rest = random.permutation(np.flatnonzero(fold_of != number))
    stop_part, fit_part = rest[:30], rest[30:]
    score_part = np.flatnonzero(fold_of == number)
    mean, std = x[fit_part].mean(0), x[fit_part].std(0)

    def loader(part, shuffle):
        values = torch.tensor((x[part] - mean) / std, dtype=torch.float32)
        return DataLoader(
            TensorDataset(values, torch.tensor(y[part])), batch_size=settings.batch, shuffle=shuffle, drop_last=shuffle
        )

    fit_loader, stop_loader, score_loader = loader(fit_part, True), loader(stop_part, False), loader(score_part, False)
    model = WineNet()
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=settings.lr, momentum=0.9)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, step_size=8, gamma=0.5)
    best, best_state, waited = float("inf"), None, 0

    for epoch in range(settings.most_epochs):
        model.train()
        epoch_loss = 0.0
        for xb, yb in fit_loader:
            loss = criterion(model(xb), yb)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            epoch_loss += loss.item()
        schedule.step()
        stop_loss, _ = measure(model, criterion, stop_loader)
        if stop_loss < best - 1e-4:
            best, best_state, waited = stop_loss, copy.deepcopy(model.state_dict()), 0
        else:
            waited += 1
            if waited == settings.patience:
                break

    if best_state is not None:
        model.load_state_dict(best_state)
    loss, share = measure(model, criterion, score_loader)
    fit_loss = epoch_loss / len(fit_loader)
    print(f"fold {number}: {epoch + 1} epochs, fit {fit_loss:.3f}, stop {best:.3f}, scored {loss:.3f} / {share:.1%}")
    return share


def main():
    settings = Settings()
    torch.manual_seed(settings.seed)
    random = np.random.default_rng(settings.seed)
    x, y = load_wine(return_X_y=True)
    fold_of = split(y, settings.folds, random)
    shares = [run_fold(number, x, y, fold_of, settings, random) for number in range(settings.folds)]
    print(f"accuracy {np.mean(shares):.3f} +- {np.std(shares):.3f}")


if __name__ == "__main__":
    main()
