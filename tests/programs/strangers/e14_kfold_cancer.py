# 5-fold cross validation of a small MLP on the breast cancer data
import copy

import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

SEED = 0
torch.manual_seed(SEED)
np.random.seed(SEED)

data = load_breast_cancer()
X, y = data.data.astype(np.float32), data.target.astype(np.float32)

N_FOLDS = 5
EPOCHS = 25
BATCH = 32


def build():
    return nn.Sequential(
        nn.Linear(30, 32),
        nn.BatchNorm1d(32),
        nn.ReLU(),
        nn.Dropout(0.3),
        nn.Linear(32, 16),
        nn.ReLU(),
        nn.Linear(16, 1),
    )


def reset_weights(m):
    if hasattr(m, "reset_parameters"):
        m.reset_parameters()


model = build()
start_weights = copy.deepcopy(model.state_dict())
criterion = nn.BCEWithLogitsLoss()


def batches(n, size):
    order = torch.randperm(n)
    # a last batch of one sample would upset the batch norm
    for chunk in order.split(size):
        if len(chunk) > 1:
            yield chunk


def predict(net, x):
    net.eval()
    with torch.no_grad():
        return torch.sigmoid(net(x)).squeeze(1)


oof = np.zeros(len(y))
fold_scores = []
skf = StratifiedKFold(n_splits=N_FOLDS, shuffle=True, random_state=SEED)

for fold, (train_idx, val_idx) in enumerate(skf.split(X, y)):
    print(f"FOLD {fold}")
    print("-" * 40)
    scaler = StandardScaler()
    x_tr = torch.from_numpy(scaler.fit_transform(X[train_idx]))
    x_va = torch.from_numpy(scaler.transform(X[val_idx]))
    y_tr = torch.from_numpy(y[train_idx]).unsqueeze(1)
    y_va = y[val_idx]

    model.load_state_dict(start_weights)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3, weight_decay=1e-4)
    scheduler = torch.optim.lr_scheduler.PolynomialLR(optimizer, total_iters=EPOCHS, power=1.0)

    for epoch in range(EPOCHS):
        model.train()
        losses = []
        for idx in batches(len(x_tr), BATCH):
            optimizer.zero_grad()
            loss = criterion(model(x_tr[idx]), y_tr[idx])
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        scheduler.step()
        if epoch % 8 == 0 or epoch == EPOCHS - 1:
            p = predict(model, x_va).numpy()
            print(f"  epoch {epoch:2d}  train loss {np.mean(losses):.4f}  val auc {roc_auc_score(y_va, p):.4f}")

    p = predict(model, x_va).numpy()
    oof[val_idx] = p
    acc = ((p > 0.5) == y_va).mean()
    fold_scores.append(acc)
    print(f"  accuracy {acc:.4f}")

print("=" * 40)
print(f"folds: {[round(float(s), 4) for s in fold_scores]}")
print(f"mean {np.mean(fold_scores):.4f}  std {np.std(fold_scores):.4f}")
print(f"out-of-fold accuracy {((oof > 0.5) == y).mean():.4f}  auc {roc_auc_score(y, oof):.4f}")

logreg = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
ref = cross_val_predict(logreg, X, y, cv=skf, method="predict_proba")[:, 1]
print(f"logistic regression for comparison: accuracy {((ref > 0.5) == y).mean():.4f}  auc {roc_auc_score(y, ref):.4f}")

# final model on everything, for later use
model.apply(reset_weights)
scaler = StandardScaler().fit(X)
x_all, y_all = torch.from_numpy(scaler.transform(X)), torch.from_numpy(y).unsqueeze(1)
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3, weight_decay=1e-4)
scheduler = torch.optim.lr_scheduler.PolynomialLR(optimizer, total_iters=EPOCHS, power=1.0)
model.train()
for epoch in range(EPOCHS):
    for idx in batches(len(x_all), BATCH):
        optimizer.zero_grad()
        loss = criterion(model(x_all[idx]), y_all[idx])
        loss.backward()
        optimizer.step()
    scheduler.step()
p = predict(model, x_all).numpy()
print(f"final model, fit on all rows (training accuracy): {((p > 0.5) == y).mean():.4f}")
