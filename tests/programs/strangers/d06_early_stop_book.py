"""Chapter 4: learning curves and early stopping on a small noisy data set."""
import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch.utils.data import DataLoader, TensorDataset

SEED = 42
np.random.seed(SEED)
torch.manual_seed(SEED)


# --------------------------------------------------------------- 4.1 the data
X, y = make_classification(n_samples=2600, n_features=24, n_informative=8, n_redundant=4,
                           n_classes=3, n_clusters_per_class=2, class_sep=1.2,
                           flip_y=0.15, random_state=SEED)
X_rest, X_test, y_rest, y_test = train_test_split(X, y, test_size=1600, stratify=y,
                                                       random_state=SEED)
X_train, X_valid, y_train, y_valid = train_test_split(X_rest, y_rest, test_size=600,
                                                      stratify=y_rest, random_state=SEED)

scaler = StandardScaler().fit(X_train)


def as_dataset(X, y):
    return TensorDataset(torch.tensor(scaler.transform(X), dtype=torch.float32),
                         torch.tensor(y, dtype=torch.long))


train_loader = DataLoader(as_dataset(X_train, y_train), batch_size=32, shuffle=True)
valid_loader = DataLoader(as_dataset(X_valid, y_valid), batch_size=256)
test_loader = DataLoader(as_dataset(X_test, y_test), batch_size=256)


# -------------------------------------------------------------- 4.2 the model
def make_model(n_inputs, n_hidden, n_outputs):
    return nn.Sequential(
        nn.Linear(n_inputs, n_hidden), nn.ReLU(),
        nn.Linear(n_hidden, n_hidden), nn.ReLU(),
        nn.Linear(n_hidden, n_outputs),
    )


model = make_model(X.shape[1], 128, 3)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)


# ------------------------------------------------------ 4.3 one epoch, one pass
def train_one_epoch(model, loader):
    model.train()
    running, n = 0.0, 0
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        optimizer.step()
        running += loss.item() * len(xb)
        n += len(xb)
    return running / n


@torch.no_grad()
def evaluate(model, loader):
    model.eval()
    total, hits, n = 0.0, 0, 0
    for xb, yb in loader:
        logits = model(xb)
        total += criterion(logits, yb).item() * len(xb)
        hits += (logits.argmax(dim=1) == yb).sum().item()
        n += len(xb)
    return total / n, hits / n


# ---------------------------------------------------------- 4.4 early stopping
class EarlyStopping:
    """Remembers the weights of the best epoch and stops after `patience` bad ones."""

    def __init__(self, patience, min_delta=0.0):
        self.patience = patience
        self.min_delta = min_delta
        self.best_loss = float("inf")
        self.best_epoch = -1
        self.best_weights = None
        self.bad_epochs = 0

    def update(self, epoch, loss, model):
        if loss < self.best_loss - self.min_delta:
            self.best_loss = loss
            self.best_epoch = epoch
            self.best_weights = model.state_dict()
            self.bad_epochs = 0
        else:
            self.bad_epochs += 1
        return self.bad_epochs >= self.patience

    def restore(self, model):
        model.load_state_dict(self.best_weights)


stopper = EarlyStopping(patience=60)
history = {"train_loss": [], "valid_loss": [], "valid_acc": []}

for epoch in range(200):
    train_loss = train_one_epoch(model, train_loader)
    valid_loss, valid_acc = evaluate(model, valid_loader)
    history["train_loss"].append(train_loss)
    history["valid_loss"].append(valid_loss)
    history["valid_acc"].append(valid_acc)
    if epoch % 10 == 0:
        print(f"epoch {epoch:3d}  train {train_loss:.4f}  valid {valid_loss:.4f}  acc {valid_acc:.3f}")
    if stopper.update(epoch, valid_loss, model):
        print(f"stopped after epoch {epoch}, best epoch was {stopper.best_epoch}")
        break

stopper.restore(model)


# ------------------------------------------------------------ 4.5 final report
test_loss, test_acc = evaluate(model, test_loader)
majority = np.bincount(y_test).max() / len(y_test)
print(f"majority class: {majority:.3f}")
print(f"best validation loss: {stopper.best_loss:.4f} (epoch {stopper.best_epoch})")
print(f"test log loss: {test_loss:.4f}")
print(f"test accuracy: {test_acc:.4f}")
