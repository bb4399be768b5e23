"""Forecast three quantiles of an endless stream of electricity-like demand with a dilated convolution network.

The data arrive as an IterableDataset; training and back-testing take turns on it, and nothing is ever seen twice.
"""
import itertools
import math

import torch
from torch import nn
from torch.utils.data import DataLoader, IterableDataset

CONTEXT, HORIZON = 48, 12
QUANTILES = torch.tensor([0.1, 0.5, 0.9])


class Demand(IterableDataset):
    def __init__(self, seed):
        self.seed = seed

    def __iter__(self):
        g = torch.Generator().manual_seed(self.seed)
        while True:
            level = 1 + torch.rand((), generator=g)
            start = torch.rand((), generator=g) * 24
            hour = start + torch.arange(CONTEXT + HORIZON)
            daily = torch.sin(2 * math.pi * hour / 24) + 0.4 * torch.sin(4 * math.pi * hour / 24 + 1)
            noise = torch.randn(len(hour), generator=g) * (0.1 + 0.15 * (daily > 0.5))
            series = level * (1 + 0.4 * daily) + noise
            yield series[:CONTEXT], series[CONTEXT:]


class CausalConv(nn.Module):
    def __init__(self, channels, dilation):
        super().__init__()
        self.pad = nn.ConstantPad1d((2 * dilation, 0), 0.0)
        self.conv = nn.utils.parametrizations.weight_norm(nn.Conv1d(channels, 2 * channels, 3, dilation=dilation))
        self.drop = nn.Dropout(0.05)

    def forward(self, x):
        value, gate = self.conv(self.pad(x)).chunk(2, dim=1)
        return x + self.drop(torch.tanh(value) * torch.sigmoid(gate))


class Forecaster(nn.Module):
    def __init__(self, channels=20):
        super().__init__()
        self.inp = nn.Conv1d(1, channels, 1)
        self.tcn = nn.Sequential(*[CausalConv(channels, 2**i) for i in range(4)])
        self.out = nn.Linear(channels, HORIZON * len(QUANTILES))

    def forward(self, past):
        scale = past.mean(dim=1, keepdim=True)
        h = self.tcn(self.inp((past / scale).unsqueeze(1)))
        return self.out(h[:, :, -1]).view(-1, HORIZON, len(QUANTILES)) * scale.unsqueeze(2)


def pinball(forecast, future):
    error = future.unsqueeze(-1) - forecast
    return torch.maximum(QUANTILES * error, (QUANTILES - 1) * error).mean()


def backtest(model, batches):
    model.eval()
    losses, inside = [], []
    with torch.no_grad():
        for past, future in batches:
            forecast = model(past)
            losses.append(pinball(forecast, future))
            inside.append(((future > forecast[..., 0]) & (future < forecast[..., 2])).float().mean())
    model.train()
    return torch.stack(losses).mean().item(), torch.stack(inside).mean().item()


def main(rounds=5, steps_per_round=40):
    torch.manual_seed(26)
    model = Forecaster()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    stream = iter(DataLoader(Demand(seed=26), batch_size=32, num_workers=0))
    check = list(itertools.islice(DataLoader(Demand(seed=99), batch_size=64), 4))
    model.train()
    for round_ in range(1, rounds + 1):
        total = 0.0
        for past, future in itertools.islice(stream, steps_per_round):
            loss = pinball(model(past), future)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()
        loss, inside = backtest(model, check)
        print(f"round {round_}: train {total / steps_per_round:.4f}, coverage {inside:.2f}, pinball {loss:.4f}")


if __name__ == "__main__":
    main()
