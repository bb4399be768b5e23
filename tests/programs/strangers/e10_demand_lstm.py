# Daily demand forecasting with an LSTM (windowed), next-day prediction
import numpy as np
import torch
import torch.nn as nn
from sklearn.preprocessing import StandardScaler

torch.manual_seed(42)
rng = np.random.default_rng(42)

# ---- synthetic shop demand: trend + weekly + yearly pattern, AR noise
days = np.arange(1600)
weekly = np.array([0, -4, -3, 1, 6, 14, 9])[days % 7]
yearly = 12 * np.sin(2 * np.pi * days / 365.25)
noise = np.zeros(len(days))
for t in range(1, len(days)):
    noise[t] = 0.6 * noise[t - 1] + rng.normal(0, 5)
promo = (rng.random(len(days)) < 0.08).astype(float)
demand = 80 + 0.01 * days + weekly + yearly + noise + 10 * promo

LOOKBACK = 28
HORIZON = 1
SPLIT = 0.8


def moving_average(x, k):
    return np.convolve(x, np.ones(k) / k, mode="same")


# ---- features for each day
features = np.stack([
    demand,
    moving_average(demand, 7),
    promo,
    np.sin(2 * np.pi * (days % 7) / 7),
    np.cos(2 * np.pi * (days % 7) / 7),
    np.sin(2 * np.pi * days / 365.25),
], axis=1)

# the edges of the rolling window are not full
features, demand = features[10:-10], demand[10:-10]

n_train = int(len(features) * SPLIT)
scaler = StandardScaler().fit(features[:n_train])
y_scaler = StandardScaler().fit(demand[:n_train, None])
features_s = scaler.transform(features).astype(np.float32)
target_s = y_scaler.transform(demand[:, None]).astype(np.float32)[:, 0]


def make_windows(start, stop):
    xs, ys = [], []
    for end in range(start + LOOKBACK, stop - HORIZON + 1):
        xs.append(features_s[end - LOOKBACK:end])
        ys.append(target_s[end + HORIZON - 1])
    return torch.tensor(np.array(xs)), torch.tensor(np.array(ys))


X_train, y_train = make_windows(0, n_train)
X_test, y_test = make_windows(n_train, len(features_s))
print("train windows", tuple(X_train.shape), "test windows", tuple(X_test.shape))


class LSTMForecaster(nn.Module):
    def __init__(self, n_features, hidden=32, layers=1):
        super().__init__()
        self.lstm = nn.LSTM(n_features, hidden, layers, batch_first=True)
        self.fc = nn.Linear(hidden, 1)

    def forward(self, x):
        out, _ = self.lstm(x)
        return self.fc(out[:, -1]).squeeze(-1)


model = LSTMForecaster(X_train.shape[2])
criterion = nn.MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=12, gamma=0.5)

EPOCHS, BATCH = 36, 64
for epoch in range(1, EPOCHS + 1):
    model.train()
    perm = torch.randperm(len(X_train))
    epoch_loss = 0.0
    for i in range(0, len(perm), BATCH):
        idx = perm[i:i + BATCH]
        optimizer.zero_grad()
        loss = criterion(model(X_train[idx]), y_train[idx])
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        epoch_loss += loss.item() * len(idx)
    scheduler.step()
    if epoch % 4 == 0:
        print(f"Epoch {epoch:3d}/{EPOCHS}  train MSE {epoch_loss / len(perm):.4f}  "
              f"lr {scheduler.get_last_lr()[0]:.5f}")


def to_units(v):
    return y_scaler.inverse_transform(v.reshape(-1, 1))[:, 0]


model.eval()
with torch.no_grad():
    pred = to_units(model(X_test).numpy())
true = to_units(y_test.numpy())
lag1 = to_units(target_s[n_train + LOOKBACK - 1:len(features_s) - HORIZON])
lag7 = to_units(target_s[n_train + LOOKBACK - 7:len(features_s) - HORIZON - 6])


def report(name, p):
    err = p - true
    print(f"{name:16s} RMSE {np.sqrt((err ** 2).mean()):6.2f}  MAE {np.abs(err).mean():6.2f}  "
          f"MAPE {100 * np.abs(err / true).mean():5.2f}%")


report("yesterday", lag1)
report("same day last wk", lag7)
report("LSTM", pred)
for p, t in list(zip(pred, true))[:7]:
    print(f"   predicted {p:7.2f}   actual {t:7.2f}")
