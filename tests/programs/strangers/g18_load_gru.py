"""Short-term load forecasting for a distribution substation: 48 h of history -> next 6 h."""
import math
import time

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

HISTORY, AHEAD = 48, 6


def substation(hours, seed):
    """Daily shape with slowly moving phase (shift work), a plant that cycles every 9 hours, weather."""
    rng = np.random.default_rng(seed)
    t = np.arange(hours)
    phase = np.cumsum(rng.normal(0, 0.05, hours))
    daily = 8 * np.sin(2 * np.pi * t / 24 + phase) + 3 * np.sin(4 * np.pi * t / 24 + 1.3 * phase)
    plant = 4 * (np.floor((t + 2 * phase) / 4.5) % 2)
    temp = np.zeros(hours)
    for i in range(1, hours):
        temp[i] = 0.97 * temp[i - 1] + rng.normal(0, 0.6)
    load = 40 + daily + plant + 0.8 * np.abs(temp) + rng.normal(0, 0.5, hours)
    return np.stack([load, temp], axis=1).astype(np.float32)


class Windows(Dataset):
    def __init__(self, table, mean, std):
        self.z = torch.from_numpy((table - mean) / std)

    def __len__(self):
        return len(self.z) - HISTORY - AHEAD + 1

    def __getitem__(self, i):
        return self.z[i:i + HISTORY], self.z[i + HISTORY:i + HISTORY + AHEAD, 0]


class Forecaster(nn.Module):
    def __init__(self, features=2, hidden=48, layers=1):
        super().__init__()
        self.gru = nn.GRU(features, hidden, num_layers=layers)
        self.head = nn.Sequential(nn.LayerNorm(hidden), nn.Linear(hidden, 48), nn.GELU(), nn.Linear(48, AHEAD))

    def forward(self, x):
        """x: batch x hours x features. Predicts the change against the last observed load."""
        states, _ = self.gru(x)
        return x[:, -1, :1] + self.head(states[:, -1])


def run_epoch(model, loader, optimizer=None):
    training = optimizer is not None
    model.train(training)
    total, count = 0.0, 0
    with torch.set_grad_enabled(training):
        for x, y in loader:
            loss = nn.functional.smooth_l1_loss(model(x), y)
            if training:
                optimizer.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                optimizer.step()
            total += loss.item() * len(x)
            count += len(x)
    return total / count


@torch.no_grad()
def rmse_by_hour(forecast, loader, std):
    se, n = torch.zeros(AHEAD), 0
    for x, y in loader:
        se += (forecast(x) - y).pow(2).sum(0)
        n += len(x)
    return (se / n).sqrt() * std


def main():
    torch.manual_seed(30)
    table = substation(24 * 150, seed=30)
    cut1, cut2 = 24 * 110, 24 * 128
    mean, std = table[:cut1].mean(0), table[:cut1].std(0)
    train = DataLoader(Windows(table[:cut1], mean, std), batch_size=64, shuffle=True, drop_last=True)
    valid = DataLoader(Windows(table[cut1:cut2], mean, std), batch_size=64)
    test = DataLoader(Windows(table[cut2:], mean, std), batch_size=64)
    load_std = float(std[0])

    model = Forecaster()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=1e-3)
    epochs = 12
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=6e-3, total_steps=epochs, pct_start=0.25)

    best, keep = math.inf, None
    for epoch in range(epochs):
        tic = time.time()
        tr = run_epoch(model, train, optimizer)
        va = run_epoch(model, valid)
        scheduler.step()
        if va < best:
            best, keep = va, {k: v.clone() for k, v in model.state_dict().items()}
        print(f"epoch {epoch + 1:2d}  train {tr:.4f}  valid {va:.4f}  {time.time() - tic:.1f}s")

    model.load_state_dict(keep)
    model.eval()
    ours = rmse_by_hour(model, test, load_std)
    same = rmse_by_hour(lambda x: x[:, -1:, 0].expand(-1, AHEAD), test, load_std)
    yesterday = rmse_by_hour(lambda x: x[:, HISTORY - 24:HISTORY - 24 + AHEAD, 0], test, load_std)
    print("\nRMSE in MW, hours ahead:   " + "".join(f"{h:7d}" for h in range(1, AHEAD + 1)) + "    mean")
    for name, r in (("network", ours), ("last value", same), ("same hour yesterday", yesterday)):
        print(f"{name:27s}" + "".join(f"{v:7.2f}" for v in r.tolist()) + f"  {r.mean():6.2f}")


if __name__ == "__main__":
    main()
