import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch.utils.data import DataLoader, TensorDataset


class EarlyStopping:
    def __init__(self, patience=10, min_delta=0.0):
        self.patience = patience
        self.min_delta = min_delta
        self.best_loss = float("inf")
        self.best_weights = None
        self.best_epoch = -1
        self.counter = 0

    def step(self, val_loss, model, epoch):
        """Returns True when training should stop."""
        if val_loss < self.best_loss - self.min_delta:
            self.best_loss = val_loss
            self.best_weights = model.state_dict()
            self.best_epoch = epoch
            self.counter = 0
        else:
            self.counter += 1
        return self.counter >= self.patience

    def restore(self, model):
        model.load_state_dict(self.best_weights)


def get_loaders(seed):
    X, y = make_classification(
        n_samples=1600, n_features=30, n_informative=12, n_redundant=6, n_clusters_per_class=3,
        class_sep=1.1, flip_y=0.12, random_state=seed)
    X_tr, X_rest, y_tr, y_rest = train_test_split(X, y, test_size=0.6, stratify=y, random_state=seed)
    X_va, X_te, y_va, y_te = train_test_split(X_rest, y_rest, test_size=0.5, stratify=y_rest, random_state=seed)
    sc = StandardScaler().fit(X_tr)

    def ds(a, b):
        return TensorDataset(torch.from_numpy(sc.transform(a).astype(np.float32)), torch.from_numpy(b).long())

    return (
        DataLoader(ds(X_tr, y_tr), batch_size=32, shuffle=True),
        DataLoader(ds(X_va, y_va), batch_size=128),
        DataLoader(ds(X_te, y_te), batch_size=128),
    )


def evaluate(model, loader, criterion):
    model.eval()
    loss, correct, n = 0.0, 0, 0
    with torch.no_grad():
        for xb, yb in loader:
            logits = model(xb)
            loss += criterion(logits, yb).item() * len(yb)
            correct += (logits.argmax(dim=1) == yb).sum().item()
            n += len(yb)
    return loss / n, correct / n


def train_one_epoch(model, loader, criterion, optimizer):
    model.train()
    running, n = 0.0, 0
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        optimizer.step()
        running += loss.item() * len(yb)
        n += len(yb)
    return running / n


def main():
    torch.manual_seed(17)
    train_loader, val_loader, test_loader = get_loaders(17)
    model = nn.Sequential(
        nn.Linear(30, 192), nn.ReLU(),
        nn.Linear(192, 96), nn.ReLU(),
        nn.Linear(96, 2),
    )
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    stopper = EarlyStopping(patience=12)

    for epoch in range(100):
        tr = train_one_epoch(model, train_loader, criterion, optimizer)
        va, acc = evaluate(model, val_loader, criterion)
        print(f"Epoch {epoch:3d} | train {tr:.4f} | val {va:.4f} | val acc {acc:.4f}")
        if stopper.step(va, model, epoch):
            print("Early stopping")
            break

    stopper.restore(model)
    te, acc = evaluate(model, test_loader, criterion)
    print(f"Best epoch {stopper.best_epoch} (val loss {stopper.best_loss:.4f})")
    print(f"Test with best weights: loss {te:.4f} acc {acc:.4f}")


if __name__ == "__main__":
    main()
