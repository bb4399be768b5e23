"""My first port away from Keras: same Sequential network, same compile/fit/evaluate feel.

The table has columns on wildly different scales, so the network starts with a
batch norm layer instead of a StandardScaler (that is how the old one did it).
"""
import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import make_friedman1
from sklearn.model_selection import train_test_split

SEED = 1234
np.random.seed(SEED)
torch.manual_seed(SEED)


def batch_norm(units):
    return nn.BatchNorm1d(units, eps=1e-3, momentum=0.99)


def dense_block(n_in, units):
    # Dense -> BatchNormalization -> ReLU
    return [nn.Linear(n_in, units, bias=False), batch_norm(units), nn.ReLU()]


class History:
    def __init__(self):
        self.rows = []

    def append(self, **kw):
        self.rows.append(kw)
        print("  ".join(f"{k}: {v:.4f}" if isinstance(v, float) else f"{k}: {v}" for k, v in kw.items()))


class Model:
    """compile / fit / evaluate / predict"""

    def __init__(self, net):
        self.net = net

    def compile(self, optimizer, loss, metrics=()):
        self.optimizer = optimizer
        self.loss = loss
        self.metrics = dict(metrics)
        return self

    def fit(self, x, y, batch_size, epochs, validation_data, callbacks=()):
        hist = History()
        n = len(x)
        for epoch in range(1, epochs + 1):
            self.net.train()
            order = np.random.permutation(n)
            total, seen = 0.0, 0
            for lo in range(0, n - batch_size + 1, batch_size):
                idx = order[lo:lo + batch_size]
                xb = torch.from_numpy(x[idx])
                yb = torch.from_numpy(y[idx])
                self.optimizer.zero_grad()
                loss = self.loss(self.net(xb), yb)
                loss.backward()
                self.optimizer.step()
                total += loss.item() * len(idx)
                seen += len(idx)
            row = {"epoch": epoch, "loss": total / seen}
            for k, v in self.evaluate(*validation_data).items():
                row["val_" + k] = v
            for cb in callbacks:
                cb()
            hist.append(**row)
        return hist

    @torch.no_grad()
    def predict(self, x, batch_size=256):
        self.net.eval()
        return torch.cat([self.net(torch.from_numpy(x[i:i + batch_size]))
                          for i in range(0, len(x), batch_size)])

    def evaluate(self, x, y):
        out = self.predict(x)
        yt = torch.from_numpy(y)
        res = {"loss": self.loss(out, yt).item()}
        for name, fn in self.metrics.items():
            res[name] = fn(out, yt)
        return res


def r2(out, y):
    return (1 - (out - y).pow(2).sum() / (y - y.mean()).pow(2).sum()).item()


if __name__ == "__main__":
    x, y = make_friedman1(n_samples=3000, n_features=10, noise=1.0, random_state=SEED)
    x = x * np.logspace(-1, 2, 10)[np.random.permutation(10)] + np.linspace(-3, 3, 10)
    x = x.astype("float32")
    y = y.astype("float32")[:, None]
    x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=0.25, random_state=SEED)
    mean, std = y_train.mean(), y_train.std()
    y_train, y_test = (y_train - mean) / std, (y_test - mean) / std

    net = nn.Sequential(
        batch_norm(10),
        *dense_block(10, 64),
        *dense_block(64, 64),
        nn.Linear(64, 1),
    )
    adam = torch.optim.Adam(net.parameters(), lr=3e-3, eps=1e-7)
    decay = torch.optim.lr_scheduler.ExponentialLR(adam, gamma=0.85)
    model = Model(net).compile(optimizer=adam, loss=nn.MSELoss(), metrics={"r2": r2})
    hist = model.fit(x_train, y_train, batch_size=16, epochs=12,
                     validation_data=(x_test, y_test), callbacks=[decay.step])
    final = model.evaluate(x_test, y_test)
    print("mean val_r2 of the last 5 epochs: %.4f" % np.mean([r["val_r2"] for r in hist.rows[-5:]]))
    print("test loss %.4f, test r2 %.4f" % (final["loss"], final["r2"]))
