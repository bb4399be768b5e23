"""Predict how diabetes progresses over a year, with an uncertainty for every patient.

A network with dropout gives a mean and a spread (aleatoric); MC dropout adds what the network itself is unsure about (epistemic).
"""

import argparse

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_diabetes


class DoseNet(nn.Module):
    def __init__(self, features, width=32, rate=0.25):
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(features, width),
            nn.ReLU(),
            nn.Dropout(rate),
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Dropout(rate),
        )
        self.mean_head = nn.Linear(width, 1)
        self.spread_head = nn.Linear(width, 1)

    def forward(self, x):
        hidden = self.body(x)
        return self.mean_head(hidden).squeeze(-1), self.spread_head(hidden).squeeze(-1)


def variance_of(spread):
    return F.softplus(spread) + 1e-3


def gaussian_loss(mean, spread, target):
    variance = variance_of(spread)
    return 0.5 * (torch.log(variance) + (target - mean) ** 2 / variance).mean()


def prepare(seed):
    data = load_diabetes()
    x = torch.tensor(data.data, dtype=torch.float32)
    y = torch.tensor(data.target, dtype=torch.float32)
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(seed))
    train, test = order[:330], order[330:]
    x = (x - x[train].mean(0)) / x[train].std(0)
    centre, scale = y[train].mean(), y[train].std()
    y = (y - centre) / scale
    return x[train], y[train], x[test], y[test], scale.item()


def train_epoch(model, x, y, optimizer, batch_size):
    model.train()
    order = torch.randperm(len(x))
    running = 0.0
    for start in range(0, len(x), batch_size):
        pick = order[start : start + batch_size]
        mean, spread = model(x[pick])
        loss = gaussian_loss(mean, spread, y[pick])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        running += loss.item() * len(pick)
    return running / len(x)


@torch.no_grad()
def evaluate(model, x, y):
    model.eval()
    mean, spread = model(x)
    loss = gaussian_loss(mean, spread, y)
    rmse = (mean - y).pow(2).mean().sqrt()
    return loss.item(), rmse.item()


def mc_predict(model, x, passes):
    """Dropout is switched on again, on purpose, for `passes` random subnetworks."""
    model.eval()
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.train()
    means, variances = [], []
    with torch.no_grad():
        for _ in range(passes):
            sampled_mean, sampled_spread = model(x)
            means.append(sampled_mean)
            variances.append(variance_of(sampled_spread))
    model.eval()
    means, variances = torch.stack(means), torch.stack(variances)
    return means.mean(0), means.var(0), variances.mean(0)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=18)
    parser.add_argument("--batch", type=int, default=33)
    parser.add_argument("--passes", type=int, default=25)
    parser.add_argument("--seed", type=int, default=3)
    args = parser.parse_args()
    torch.manual_seed(args.seed)

    x_train, y_train, x_test, y_test, scale = prepare(args.seed)
    model = DoseNet(x_train.shape[1])
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3, weight_decay=1e-3)

    for epoch in range(args.epochs):
        train_loss = train_epoch(model, x_train, y_train, optimizer, args.batch)
        test_loss, rmse = evaluate(model, x_test, y_test)
        line = f"{epoch:3d}  nll {train_loss:.3f} / {test_loss:.3f}  rmse {rmse * scale:.1f}"
        if (epoch + 1) % 6 == 0:
            _, epistemic, aleatoric = mc_predict(model, x_test, args.passes)
            line += f"  unsure {epistemic.mean().sqrt() * scale:.1f} of {aleatoric.mean().sqrt() * scale:.1f}"
        print(line)

    mean, epistemic, aleatoric = mc_predict(model, x_test, args.passes)
    half = 1.645 * (epistemic + aleatoric).sqrt()
    inside = ((mean - y_test).abs() <= half).float().mean().item()
    print(f"90 % interval covers {inside:.1%}, MC rmse {(mean - y_test).pow(2).mean().sqrt().item() * scale:.1f}")


if __name__ == "__main__":
    main()
