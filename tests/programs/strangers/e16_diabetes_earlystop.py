import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

# ------------------------------------------------------------------
# Diabetes progression with an MLP and early stopping
# ------------------------------------------------------------------
torch.manual_seed(1337)

X, y = load_diabetes(return_X_y=True)
X_train, X_rest, y_train, y_rest = train_test_split(X, y, test_size=0.45, random_state=8)
X_val, X_test, y_val, y_test = train_test_split(X_rest, y_rest, test_size=0.5, random_state=8)

x_mean, x_std = X_train.mean(0), X_train.std(0)
y_mean, y_std = y_train.mean(), y_train.std()


def to_tensors(a, b):
    a = torch.tensor((a - x_mean) / x_std, dtype=torch.float32)
    b = torch.tensor((b - y_mean) / y_std, dtype=torch.float32).unsqueeze(1)
    return a, b


train_loader = DataLoader(TensorDataset(*to_tensors(X_train, y_train)), batch_size=32, shuffle=True)
val_x, val_y = to_tensors(X_val, y_val)
test_x, test_y = to_tensors(X_test, y_test)


class MLP(nn.Module):
    def __init__(self, n_in=10, hidden=128):
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(n_in, hidden), nn.ReLU(),
            nn.Linear(hidden, hidden), nn.ReLU(),
            nn.Linear(hidden, 1),
        )

    def forward(self, x):
        return self.body(x)


class EarlyStopping:
    """Stops the training if the validation loss doesn't improve after a given patience."""

    def __init__(self, patience=7, delta=0.0, verbose=True):
        self.patience = patience
        self.delta = delta
        self.verbose = verbose
        self.counter = 0
        self.best_score = None
        self.best_epoch = -1
        self.best_weights = None
        self.early_stop = False

    def __call__(self, val_loss, model, epoch):
        score = -val_loss
        if self.best_score is None or score > self.best_score + self.delta:
            if self.verbose and self.best_score is not None:
                print(f"  validation loss improved ({-self.best_score:.4f} --> {val_loss:.4f})")
            self.best_score = score
            self.best_epoch = epoch
            self.best_weights = model.state_dict()
            self.counter = 0
        else:
            self.counter += 1
            if self.counter >= self.patience:
                self.early_stop = True

    def restore(self, model):
        model.load_state_dict(self.best_weights)
        print(f"restored the weights of epoch {self.best_epoch}")


def val_loss_of(model):
    model.eval()
    with torch.no_grad():
        return nn.functional.mse_loss(model(val_x), val_y).item()


model = MLP()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
criterion = nn.MSELoss()
stopper = EarlyStopping(patience=50)
history = {"train": [], "val": []}

for epoch in range(400):
    model.train()
    batch_losses = []
    for xb, yb in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        optimizer.step()
        batch_losses.append(loss.item())
    history["train"].append(np.mean(batch_losses))
    history["val"].append(val_loss_of(model))
    if epoch % 10 == 0:
        print(f"epoch {epoch:3d}  train {history['train'][-1]:.4f}  val {history['val'][-1]:.4f}")
    stopper(history["val"][-1], model, epoch)
    if stopper.early_stop:
        print(f"early stopping at epoch {epoch}")
        break

stopper.restore(model)

model.eval()
with torch.no_grad():
    pred = model(test_x).squeeze(1).numpy() * y_std + y_mean
mae = np.abs(pred - y_test).mean()
print(f"best val loss {-stopper.best_score:.4f} (epoch {stopper.best_epoch})")
print(f"test MAE {mae:.2f}  R2 {r2_score(y_test, pred):.3f}")

ridge = Ridge(alpha=1.0).fit((X_train - x_mean) / x_std, y_train)
ridge_pred = ridge.predict((X_test - x_mean) / x_std)
print(f"ridge    MAE {np.abs(ridge_pred - y_test).mean():.2f}  R2 {r2_score(y_test, ridge_pred):.3f}")
