"""DeepSurv-like hazard model on a simulated cohort, scored with Harrell's C."""
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset


@dataclass
class Settings:
    patients: int = 2400
    covariates: int = 8
    batch_size: int = 128
    epochs: int = 25
    lr: float = 2e-3
    weight_decay: float = 1e-4
    seed: int = 7


def simulate(cfg):
    rng = np.random.default_rng(cfg.seed)
    x = rng.normal(size=(cfg.patients, cfg.covariates)).astype(np.float32)
    risk = 0.9 * x[:, 0] - 0.7 * x[:, 1] + 0.8 * np.tanh(2 * x[:, 2]) + 0.6 * x[:, 3] * x[:, 4]
    death = rng.exponential(1.0, cfg.patients) * np.exp(-risk)
    censor = rng.exponential(1.0, cfg.patients) * 30.0
    time = np.minimum(death, censor).astype(np.float32)
    event = (death <= censor).astype(np.float32)
    return x, time, event


class Cohort(Dataset):
    """Patients ordered from the longest follow-up to the shortest."""

    def __init__(self, x, time, event):
        order = np.argsort(-time)
        self.x = torch.from_numpy(x[order])
        self.time = torch.from_numpy(time[order])
        self.event = torch.from_numpy(event[order])

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        return self.x[i], self.time[i], self.event[i]


class HazardNet(nn.Module):
    def __init__(self, n_in):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(n_in, 32), nn.SELU(),
            nn.Linear(32, 32), nn.SELU(),
            nn.Linear(32, 1, bias=False),
        )

    def forward(self, x):
        return self.layers(x).squeeze(-1)


class PartialLikelihood(nn.Module):
    """Negative Cox log partial likelihood; the risk set of a patient is everybody listed before him."""

    def forward(self, log_hazard, event):
        at_risk = torch.logcumsumexp(log_hazard, dim=0)
        return -((log_hazard - at_risk) * event).sum() / event.sum().clamp(min=1)


def concordance(score, time, event):
    earlier = (time[:, None] < time[None, :]) & (event[:, None] > 0)
    diff = score[:, None] - score[None, :]
    good = (diff > 0).float() + 0.5 * (diff == 0).float()
    return (good * earlier).sum().item() / earlier.sum().item()


def evaluate(net, data):
    net.eval()
    with torch.no_grad():
        return concordance(net(data.x), data.time, data.event)


def main():
    cfg = Settings()
    torch.manual_seed(cfg.seed)
    x, time, event = simulate(cfg)
    cut = int(0.75 * cfg.patients)
    train = Cohort(x[:cut], time[:cut], event[:cut])
    test = Cohort(x[cut:], time[cut:], event[cut:])
    loader = DataLoader(train, batch_size=cfg.batch_size, shuffle=True, drop_last=True)

    net, criterion = HazardNet(cfg.covariates), PartialLikelihood()
    optimiser = torch.optim.AdamW(net.parameters(), lr=cfg.lr, weight_decay=cfg.weight_decay)
    for epoch in range(cfg.epochs):
        net.train()
        total = 0.0
        for xb, _, eb in loader:
            loss = criterion(net(xb), eb)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            total += loss.item()
        if (epoch + 1) % 5 == 0:
            print(f"epoch {epoch + 1:2d}  loss {total / len(loader):.4f}  train C {evaluate(net, train):.3f}")
    print(f"events observed: {event.mean():.2f}   test C-index {evaluate(net, test):.3f}")


if __name__ == "__main__":
    main()
