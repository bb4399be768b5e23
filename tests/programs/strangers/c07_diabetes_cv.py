# coding: utf-8
# Diabetes progression: small MLP, 5-fold cross validation (notebook turned into a script)
# Cell 1 -------------------------------------------------------------------------
import random

import numpy as np
import torch
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge
from sklearn.metrics import mean_absolute_error, r2_score
from sklearn.model_selection import KFold
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

CFG = dict(seed=2024, folds=5, epochs=30, lr=2e-3, bs=16, wd=1e-2, hidden=64)


def seed_everything(seed):
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


seed_everything(CFG["seed"])

# Cell 2 -------------------------------------------------------------------------
X, y = load_diabetes(return_X_y=True)
X, y = X.astype(np.float32), y.astype(np.float32)
print("data", X.shape, "target mean %.1f std %.1f" % (y.mean(), y.std()))


# Cell 3 -------------------------------------------------------------------------
class TabNet(nn.Module):
    def __init__(self, n_in, hidden):
        super().__init__()
        self.trunk = nn.Sequential(
            nn.Linear(n_in, hidden), nn.ReLU(),
            nn.Linear(hidden, hidden), nn.ReLU(),
        )
        self.head = nn.Linear(hidden, 1)

    def forward(self, x):
        return self.head(self.trunk(x)).squeeze(-1)


class Scaler:
    """fit on the training part of a fold only"""

    def fit(self, x, t):
        self.mx, self.sx, self.mt, self.st = x.mean(0), x.std(0), t.mean(), t.std()
        return self

    def x(self, x):
        return torch.from_numpy((x - self.mx) / self.sx)

    def t(self, t):
        return torch.from_numpy((t - self.mt) / self.st)

    def back(self, out):
        return out.numpy() * self.st + self.mt


# Cell 4 -------------------------------------------------------------------------
model = TabNet(X.shape[1], CFG["hidden"])
start = model.state_dict()
print("parameters:", sum(p.numel() for p in model.parameters()))


def run_fold(k, tr, va):
    model.load_state_dict(start)          # every fold begins with the same weights
    sc = Scaler().fit(X[tr], y[tr])
    loader = DataLoader(TensorDataset(sc.x(X[tr]), sc.t(y[tr])), batch_size=CFG["bs"], shuffle=True)
    opt = torch.optim.AdamW(model.parameters(), lr=CFG["lr"], weight_decay=CFG["wd"])
    sched = torch.optim.lr_scheduler.OneCycleLR(
        opt, max_lr=CFG["lr"], epochs=CFG["epochs"], steps_per_epoch=len(loader))
    loss_fn = nn.SmoothL1Loss()
    for epoch in range(CFG["epochs"]):
        model.train()
        tot = 0.0
        for xb, tb in loader:
            loss = loss_fn(model(xb), tb)
            opt.zero_grad()
            loss.backward()
            opt.step()
            sched.step()
            tot += loss.item() * len(xb)
        if (epoch + 1) % 10 == 0:
            print(f"  fold {k} epoch {epoch + 1:3d}  train loss {tot / len(tr):.4f}")
    model.eval()
    with torch.no_grad():
        return sc.back(model(sc.x(X[va])))


# Cell 5 -------------------------------------------------------------------------
oof = np.zeros_like(y)
ridge = np.zeros_like(y)
for k, (tr, va) in enumerate(KFold(CFG["folds"], shuffle=True, random_state=CFG["seed"]).split(X)):
    oof[va] = run_fold(k, tr, va)
    ridge[va] = Ridge(alpha=0.1).fit(X[tr], y[tr]).predict(X[va])
    print(f"fold {k}: r2 {r2_score(y[va], oof[va]):.4f}  mae {mean_absolute_error(y[va], oof[va]):.2f}")

# Cell 6 -------------------------------------------------------------------------
print("ridge  CV r2 %.4f  mae %.2f" % (r2_score(y, ridge), mean_absolute_error(y, ridge)))
print("mlp    CV r2 %.4f  mae %.2f" % (r2_score(y, oof), mean_absolute_error(y, oof)))
