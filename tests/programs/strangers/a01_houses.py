# HW3 - predict house prices with a small neural net
import numpy as np
import torch
import torch.nn as nn
from sklearn.metrics import r2_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(3)
rng = np.random.default_rng(3)

# ---- make a table of houses -------------------------------------------------
n = 2400
area = rng.uniform(35, 220, n)
rooms = np.clip(np.round(area / 30 + rng.normal(0, 0.8, n)), 1, 8)
age = rng.uniform(0, 90, n)
dist = rng.exponential(6, n)
floor = rng.integers(0, 12, n)
garden = rng.integers(0, 2, n)
price = (
    2.1 * area
    + 14 * rooms
    - 0.6 * age
    + 0.006 * (age - 40) ** 2
    - 55 * np.log1p(dist)
    + 3 * floor
    + garden * 0.4 * area
    + rng.normal(0, 12, n)
)
X = np.stack([area, rooms, age, dist, floor, garden], axis=1)

X_train, X_test, y_train, y_test = train_test_split(X, price, test_size=0.2, random_state=3)
scaler = StandardScaler().fit(X_train)
X_train = scaler.transform(X_train)
X_test = scaler.transform(X_test)
y_mu, y_sd = y_train.mean(), y_train.std()

train_ds = TensorDataset(
    torch.tensor(X_train, dtype=torch.float32),
    torch.tensor((y_train - y_mu) / y_sd, dtype=torch.float32),
)
train_dl = DataLoader(train_ds, batch_size=64, shuffle=True)

# ---- model ------------------------------------------------------------------
net = nn.Sequential(
    nn.Linear(X.shape[1], 64),
    nn.ReLU(),
    nn.Linear(64, 32),
    nn.ReLU(),
    nn.Linear(32, 1),
)
opt = torch.optim.Adam(net.parameters(), lr=2e-3)


def squared_error(pred, target):
    err = pred - target
    return (err ** 2).mean()


# ---- training ---------------------------------------------------------------
for epoch in range(25):
    net.train()
    total, seen = 0.0, 0
    for xb, yb in train_dl:
        opt.zero_grad()
        out = net(xb)
        loss = squared_error(out, yb)
        loss.backward()
        opt.step()
        total += loss.item() * len(xb)
        seen += len(xb)
    if epoch % 5 == 4:
        print(f"epoch {epoch + 1:2d}  train loss {total / seen:.4f}")

# ---- test -------------------------------------------------------------------
net.eval()
with torch.no_grad():
    pred = net(torch.tensor(X_test, dtype=torch.float32)).numpy().ravel()
pred = pred * y_sd + y_mu
print("test R2   %.3f" % r2_score(y_test, pred))
print("test MAE  %.1f k" % np.abs(pred - y_test).mean())
