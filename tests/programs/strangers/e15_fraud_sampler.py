"""Fraud-like detection: 2% positives, WeightedRandomSampler, honest probabilities at test time."""
import math

import numpy as np
import torch
from sklearn.datasets import make_classification
from sklearn.metrics import average_precision_score, brier_score_loss, classification_report, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, WeightedRandomSampler


def get_loaders(batch_size=128):
    X, y = make_classification(n_samples=12000, n_features=20, n_informative=8, n_redundant=4,
                               n_clusters_per_class=3, weights=[0.98], flip_y=0.002,
                               class_sep=1.3, random_state=17)
    X_tr, X_te, y_tr, y_te = train_test_split(X, y, test_size=0.3, stratify=y, random_state=1)
    X_tr, X_va, y_tr, y_va = train_test_split(X_tr, y_tr, test_size=0.2, stratify=y_tr, random_state=1)
    sc = StandardScaler().fit(X_tr)

    def ds(a, b):
        return TensorDataset(torch.tensor(sc.transform(a), dtype=torch.float32),
                             torch.tensor(b, dtype=torch.float32))

    class_count = np.bincount(y_tr)
    weights = 1.0 / class_count[y_tr]
    sampler = WeightedRandomSampler(weights, num_samples=len(y_tr), replacement=True)
    print("class counts in train:", class_count.tolist(), " test:", np.bincount(y_te).tolist())
    train = DataLoader(ds(X_tr, y_tr), batch_size=batch_size, sampler=sampler)
    val = DataLoader(ds(X_va, y_va), batch_size=1024)
    test = DataLoader(ds(X_te, y_te), batch_size=1024)
    return train, val, test, class_count


class FraudNet(nn.Module):
    def __init__(self, n_in):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(n_in, 64), nn.GELU(), nn.LayerNorm(64), nn.Dropout(0.2),
            nn.Linear(64, 32), nn.GELU(), nn.Dropout(0.2),
            nn.Linear(32, 1),
        )
        # log-odds to add outside of training; set once the class ratio is known
        self.register_buffer("prior_shift", torch.zeros(()))

    def forward(self, x):
        logit = self.net(x).squeeze(-1)
        if not self.training:
            logit = logit + self.prior_shift
        return logit


def train_epoch(model, loader, loss_fn, opt, sched):
    model.train()
    running, seen, pos = 0.0, 0, 0
    for xb, yb in loader:
        opt.zero_grad()
        loss = loss_fn(model(xb), yb)
        loss.backward()
        opt.step()
        sched.step()
        running += loss.item() * len(yb)
        seen += len(yb)
        pos += int(yb.sum())
    return running / seen, pos / seen


def collect(model, loader):
    model.eval()
    logits, ys = [], []
    with torch.no_grad():
        for xb, yb in loader:
            logits.append(model(xb))
            ys.append(yb)
    return torch.cat(logits).sigmoid().numpy(), torch.cat(ys).numpy()


def main():
    torch.manual_seed(17)
    train_dl, val_dl, test_dl, counts = get_loaders()
    model = FraudNet(20)
    # the sampler shows both classes equally often, reality does not
    model.prior_shift.fill_(math.log(counts[1] / counts[0]))

    epochs = 15
    opt = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=1e-2)
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, T_max=epochs * len(train_dl))
    loss_fn = nn.BCEWithLogitsLoss()

    for epoch in range(1, epochs + 1):
        loss, share = train_epoch(model, train_dl, loss_fn, opt, sched)
        p, y = collect(model, val_dl)
        print(f"epoch {epoch:2d}  loss {loss:.4f}  positives drawn {share:.1%}  "
              f"val AP {average_precision_score(y, p):.4f}  AUC {roc_auc_score(y, p):.4f}")

    p, y = collect(model, val_dl)
    cuts = np.quantile(p, np.linspace(0.9, 0.999, 60))
    f1 = [2 * ((p > c) & (y == 1)).sum() / ((p > c).sum() + y.sum()) for c in cuts]
    threshold = cuts[int(np.argmax(f1))]

    p, y = collect(model, test_dl)
    print(f"\ntest AP {average_precision_score(y, p):.4f}  AUC {roc_auc_score(y, p):.4f}")
    print(f"Brier {brier_score_loss(y, p):.5f} (always the base rate: {y.mean() * (1 - y.mean()):.5f}); "
          f"mean probability {p.mean():.4f}, true rate {y.mean():.4f}")
    print(f"threshold chosen on validation: {threshold:.3f}")
    print(classification_report(y, p > threshold, digits=3))


if __name__ == "__main__":
    main()
