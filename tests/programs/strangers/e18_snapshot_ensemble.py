"""Snapshot ensembles (Huang et al. 2017): train 1, get M for free. Noisy digits."""
import copy

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.optim.lr_scheduler import CosineAnnealingWarmRestarts
from torch.utils.data import DataLoader, TensorDataset

CYCLES = 5
EPOCHS_PER_CYCLE = 8
LR_MAX = 0.08
NOISE = 0.25

torch.manual_seed(123)
rng = np.random.default_rng(123)

digits = load_digits()
X = digits.images[:, None].astype(np.float32) / 16.0
X = X + rng.normal(0, NOISE, X.shape).astype(np.float32)
X_tr, X_te, y_tr, y_te = train_test_split(X, digits.target, train_size=700, random_state=0,
                                          stratify=digits.target)
# one in twenty of the training labels is wrong, as in our real data
wrong = rng.random(len(y_tr)) < 0.05
y_tr = np.where(wrong, rng.integers(0, 10, len(y_tr)), y_tr)

train_loader = DataLoader(TensorDataset(torch.tensor(X_tr), torch.tensor(y_tr)), batch_size=50, shuffle=True)
test_x, test_y = torch.tensor(X_te), torch.tensor(y_te)


def make_model():
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(),
        nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(32 * 16, 64), nn.ReLU(),
        nn.Linear(64, 10),
    )


def probs(model, x):
    model.eval()
    with torch.no_grad():
        return torch.softmax(model(x), dim=1)


model = make_model()
optimizer = torch.optim.SGD(model.parameters(), lr=LR_MAX, momentum=0.9, weight_decay=5e-4, nesterov=True)
iters_per_cycle = EPOCHS_PER_CYCLE * len(train_loader)
scheduler = CosineAnnealingWarmRestarts(optimizer, T_0=iters_per_cycle)

snapshots, curve = [], []
for cycle in range(CYCLES):
    for epoch in range(EPOCHS_PER_CYCLE):
        model.train()
        losses, lrs = [], []
        for xb, yb in train_loader:
            lrs.append(optimizer.param_groups[0]["lr"])
            optimizer.zero_grad()
            loss = F.cross_entropy(model(xb), yb)
            loss.backward()
            optimizer.step()
            scheduler.step()
            losses.append(loss.item())
        curve.append(np.mean(losses))
        if epoch in (0, EPOCHS_PER_CYCLE // 2, EPOCHS_PER_CYCLE - 1):
            acc = (probs(model, test_x).argmax(1) == test_y).float().mean().item()
            print(f"cycle {cycle + 1} epoch {epoch + 1:2d}  lr {lrs[0]:.4f} -> {lrs[-1]:.4f}  "
                  f"loss {curve[-1]:.4f}  test acc {acc:.4f}")
    snapshots.append(copy.deepcopy(model))
    print(f"-- snapshot {len(snapshots)} taken")

members = [probs(m, test_x) for m in snapshots]
single = [(p.argmax(1) == test_y).float().mean().item() for p in members]
single_nll = [F.nll_loss(torch.log(p + 1e-9), test_y).item() for p in members]
print("\nsingle snapshots:", [round(s, 4) for s in single])

pair = [(members[i].argmax(1) != members[j].argmax(1)).float().mean().item()
        for i in range(CYCLES) for j in range(i)]
print(f"mean pairwise disagreement: {np.mean(pair):.3f}")

for m in range(1, CYCLES + 1):
    avg = torch.stack(members[-m:]).mean(0)
    acc = (avg.argmax(1) == test_y).float().mean().item()
    nll = F.nll_loss(torch.log(avg + 1e-9), test_y).item()
    print(f"ensemble of the last {m}: accuracy {acc:.4f}  nll {nll:.4f}")
print(f"mean of the single models: accuracy {np.mean(single):.4f}  nll {np.mean(single_nll):.4f}")
