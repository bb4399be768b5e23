# %% [markdown]
# # Regression with a small neural network
# Friedman #1 with prices-like units: the target is in thousands and has an offset.

# %% In[1]:
import math

import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import make_friedman1
from sklearn.linear_model import LinearRegression
from sklearn.metrics import mean_absolute_error, r2_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

torch.manual_seed(101)
np.random.seed(101)

# %% In[2]:
X, y = make_friedman1(n_samples=2400, n_features=10, noise=0.6, random_state=101)
y = 120_000 + 9_000 * y
print(X.shape, y.shape, y.mean().round(), y.std().round())

# %% In[3]:
X_train_full, X_test, y_train_full, y_test = train_test_split(X, y, test_size=0.25, random_state=101)
X_train, X_valid, y_train, y_valid = train_test_split(X_train_full, y_train_full, test_size=0.2,
                                                      random_state=101)
len(X_train), len(X_valid), len(X_test)

# %% In[4]:
x_scaler = StandardScaler().fit(X_train)
y_scaler = StandardScaler().fit(y_train.reshape(-1, 1))


def to_tensors(X, y):
    Xt = torch.tensor(x_scaler.transform(X), dtype=torch.float32)
    yt = torch.tensor(y_scaler.transform(y.reshape(-1, 1)), dtype=torch.float32)
    return Xt, yt


Xtr, ytr = to_tensors(X_train, y_train)
Xva, yva = to_tensors(X_valid, y_valid)
Xte, yte = to_tensors(X_test, y_test)
Xtr.shape, ytr.shape

# %% In[5]:
baseline = LinearRegression().fit(X_train, y_train)
baseline_rmse = math.sqrt(((baseline.predict(X_test) - y_test) ** 2).mean())
print('mean predictor RMSE', round(math.sqrt(((y_train.mean() - y_test) ** 2).mean())))
print('linear regression RMSE', round(baseline_rmse))

# %% In[6]:
net = nn.Sequential(
    nn.Linear(10, 64),
    nn.ReLU(),
    nn.Linear(64, 64),
    nn.ReLU(),
    nn.Linear(64, 1),
)
sum(p.numel() for p in net.parameters())

# %% In[7]:
loss_fn = nn.MSELoss()
optimizer = torch.optim.Adam(net.parameters(), lr=2e-3, weight_decay=1e-5)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=20, gamma=0.4)
batch_size = 32
n_epochs = 60
train_curve, valid_curve = [], []

# %% In[8]:
for epoch in range(n_epochs):
    net.train()
    order = torch.randperm(len(Xtr))
    epoch_loss = 0.0
    for start in range(0, len(Xtr), batch_size):
        idx = order[start:start + batch_size]
        xb, yb = Xtr[idx], ytr[idx]
        pred = net(xb)
        loss = loss_fn(pred, yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        epoch_loss += loss.item() * len(idx)
    scheduler.step()
    net.eval()
    with torch.no_grad():
        valid_loss = loss_fn(net(Xva), yva).item()
    train_curve.append(epoch_loss / len(Xtr))
    valid_curve.append(valid_loss)
    if (epoch + 1) % 10 == 0:
        print(f'{epoch + 1:3d}  train {train_curve[-1]:.4f}  valid {valid_curve[-1]:.4f}  '
              f'lr {scheduler.get_last_lr()[0]:.1e}')


# %% In[9]:
def predict(X):
    net.eval()
    Xt = torch.tensor(x_scaler.transform(X), dtype=torch.float32)
    with torch.no_grad():
        z = net(Xt).numpy()
    return y_scaler.inverse_transform(z).ravel()


# %% In[10]:
y_pred = predict(X_test)
rmse = math.sqrt(((y_pred - y_test) ** 2).mean())
print('test RMSE', round(rmse))
print('test MAE ', round(mean_absolute_error(y_test, y_pred)))
print('test R2  ', round(r2_score(y_test, y_pred), 4))
print('improvement over linear regression', f'{100 * (1 - rmse / baseline_rmse):.1f}%')

# %% In[11]:
worst = np.argsort(-np.abs(y_pred - y_test))[:5]
for i in worst:
    print(f'true {y_test[i]:>9.0f}  predicted {y_pred[i]:>9.0f}')
