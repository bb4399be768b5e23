"""Hourly electricity load, next-hour forecast with a GRU."""
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

LOOKBACK = 36
HORIZON = 1
TRAIN_FRAC = 0.75


def load_series(hours=24 * 90, seed=5):
    rng = np.random.default_rng(seed)
    t = np.arange(hours)
    day = 12 * np.sin(2 * np.pi * (t - 7) / 24) + 4 * np.sin(4 * np.pi * t / 24)
    week = np.where((t // 24) % 7 >= 5, -9.0, 0.0)
    ar = np.zeros(hours)
    for i in range(1, hours):
        ar[i] = 0.8 * ar[i - 1] + rng.normal(0, 3.0)
    return (100 + day + week + ar).astype(np.float32)


class Windows(Dataset):
    """(past LOOKBACK values, following HORIZON values)"""

    def __init__(self, values, lookback, horizon):
        self.values = torch.from_numpy(values)
        self.lookback = lookback
        self.horizon = horizon

    def __len__(self):
        return len(self.values) - self.lookback - self.horizon + 1

    def __getitem__(self, i):
        end = i + self.lookback
        past = self.values[i:end]
        future = self.values[end - 1:end - 1 + self.horizon]
        return past.unsqueeze(-1), future


class Forecaster(nn.Module):
    def __init__(self, hidden=32, horizon=1):
        super().__init__()
        self.gru = nn.GRU(1, hidden, batch_first=True)
        self.head = nn.Linear(hidden, horizon)

    def forward(self, x):
        _, h = self.gru(x)
        return self.head(h[-1])


def mae(model, loader, std):
    model.eval()
    err, n = 0.0, 0
    with torch.no_grad():
        for x, y in loader:
            err += (model(x) - y).abs().sum().item()
            n += y.numel()
    return err / n * std


def seasonal_naive(series):
    return float(np.abs(series[24:] - series[:-24]).mean())


def main():
    torch.manual_seed(5)
    series = load_series()
    cut = int(len(series) * TRAIN_FRAC)
    mu, sd = series[:cut].mean(), series[:cut].std()
    z = (series - mu) / sd
    train_loader = DataLoader(Windows(z[:cut], LOOKBACK, HORIZON), batch_size=64, shuffle=True)
    # the first test window may look back into the training period
    test_loader = DataLoader(Windows(z[cut - LOOKBACK:], LOOKBACK, HORIZON), batch_size=256)

    model = Forecaster(horizon=HORIZON)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    loss_fn = nn.MSELoss()
    for epoch in range(10):
        model.train()
        total, n = 0.0, 0
        for x, y in train_loader:
            optimizer.zero_grad()
            loss = loss_fn(model(x), y)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(x)
            n += len(x)
        print(f"epoch {epoch + 1:2d}  train mse {total / n:.4f}  test MAE {mae(model, test_loader, sd):.2f} MW")
    print(f"same hour yesterday: MAE {seasonal_naive(series[cut:]):.2f} MW")


if __name__ == "__main__":
    main()
