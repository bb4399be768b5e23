# Cash demand per ATM: predict the 5/25/50/75/95 % quantiles of tomorrow's withdrawals.
# Owner: treasury analytics. Amounts are in thousands.
import math

import numpy as np
import torch
from torch import nn

SEED = 2024
N_ATM, N_DAYS, LAGS = 24, 420, 28
TAUS = torch.tensor([0.05, 0.25, 0.50, 0.75, 0.95])
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)


def make_series():
    day = np.arange(N_DAYS)
    weekday = day % 7
    out = np.zeros((N_ATM, N_DAYS), dtype=np.float32)
    for a in range(N_ATM):
        base = rng.uniform(20, 60)
        profile = 1 + 0.35 * np.sin(2 * np.pi * (weekday + rng.integers(0, 7)) / 7)
        payday = 1 + 0.8 * ((day % 30) < 3)
        level = np.zeros(N_DAYS)
        for t in range(1, N_DAYS):
            level[t] = 0.9 * level[t - 1] + rng.normal(0, 0.06)
        mean = base * profile * payday * np.exp(level)
        spread = 0.08 + 0.22 * (weekday >= 5)
        out[a] = mean * np.exp(rng.normal(0, 1, N_DAYS) * spread)
    return out


series = make_series()
TRAIN_END, VAL_END = 300, 350

# per-machine level, from the training days only
scale = np.median(series[:, :TRAIN_END], axis=1, keepdims=True)
z = np.log(series / scale)


def windows(first, last):
    """All (machine, target day) pairs with first <= day < last."""
    lag, cal, tgt, unit = [], [], [], []
    for a in range(N_ATM):
        for t in range(max(first, LAGS), last):
            lag.append(z[a, t - LAGS:t])
            w = np.zeros(8, dtype=np.float32)
            w[t % 7] = 1
            w[7] = float(t % 30 < 3)
            cal.append(w)
            tgt.append(z[a, t])
            unit.append(scale[a, 0])
    x = np.concatenate([np.array(lag), np.array(cal)], axis=1).astype(np.float32)
    return (torch.from_numpy(x), torch.tensor(np.array(tgt), dtype=torch.float32),
            torch.tensor(np.array(unit), dtype=torch.float32))


x_tr, y_tr, _ = windows(0, TRAIN_END)
x_va, y_va, _ = windows(TRAIN_END, VAL_END)
x_te, y_te, unit_te = windows(VAL_END, N_DAYS)


class QuantileNet(nn.Module):
    def __init__(self, d_in, n_q, hidden=64):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(d_in, hidden), nn.SiLU(), nn.Linear(hidden, hidden), nn.SiLU())
        self.first = nn.Linear(hidden, 1)
        self.steps = nn.Linear(hidden, n_q - 1)

    def forward(self, x):
        h = self.body(x)
        low = self.first(h)
        gaps = nn.functional.softplus(self.steps(h))
        return torch.cat([low, low + gaps.cumsum(dim=1)], dim=1)


def pinball(q, y):
    err = y.unsqueeze(1) - q
    return torch.maximum(TAUS * err, (TAUS - 1) * err)


net = QuantileNet(x_tr.shape[1], len(TAUS))
optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
EPOCHS, BATCH = 18, 128
steps = EPOCHS * math.ceil(len(x_tr) / BATCH)
schedule = torch.optim.lr_scheduler.LambdaLR(
    optimizer, lambda s: min(1.0, (s + 1) / 50) * 0.5 * (1 + math.cos(math.pi * s / steps)))

best, best_weights = float("inf"), None
for epoch in range(EPOCHS):
    net.train()
    running = 0.0
    for idx in torch.randperm(len(x_tr)).split(BATCH):
        loss = pinball(net(x_tr[idx]), y_tr[idx]).sum(dim=1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        running += loss.item() * len(idx)
    net.eval()
    with torch.no_grad():
        v = pinball(net(x_va), y_va).sum(dim=1).mean().item()
    if v < best:
        best = v
        best_weights = {k: t.clone() for k, t in net.state_dict().items()}
    print(f"[{epoch:02d}] train {running / len(x_tr):.4f}  val {v:.4f}  lr {schedule.get_last_lr()[0]:.2e}")

net.load_state_dict(best_weights)
net.eval()
with torch.no_grad():
    q_log = net(x_te)

# quantiles survive a monotone transformation, so go back to money by exp()
q_money = q_log.exp() * unit_te.unsqueeze(1)
y_money = y_te.exp() * unit_te
loss_money = pinball(q_money, y_money).mean(dim=0)

# yardstick: unconditional quantiles per weekday, in the same space
weekday_tr, weekday_te = x_tr[:, LAGS:LAGS + 7].argmax(1), x_te[:, LAGS:LAGS + 7].argmax(1)
table = torch.stack([torch.quantile(y_tr[weekday_tr == d], TAUS) for d in range(7)])
base_money = pinball(table[weekday_te].exp() * unit_te.unsqueeze(1), y_money).mean(dim=0)

print("\n tau   pinball  weekday-table  share below")
for k, tau in enumerate(TAUS.tolist()):
    below = (y_money <= q_money[:, k]).float().mean()
    print(f"{tau:5.2f}  {loss_money[k]:7.3f}  {base_money[k]:13.3f}  {below:11.3f}")
inside = ((y_money > q_money[:, 0]) & (y_money <= q_money[:, -1])).float().mean()
print(f"mean pinball {loss_money.mean():.3f} vs {base_money.mean():.3f}, 90 % interval covers {inside:.3f}")
