"""A tiny Keras-like front end: Model.compile / fit / evaluate / predict."""
import copy

import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import f1_score, roc_auc_score
from sklearn.model_selection import train_test_split


class Callback:
    def set_model(self, model):
        self.model = model

    def on_epoch_end(self, epoch, logs):
        pass

    def on_train_end(self):
        pass


class History(Callback):
    def __init__(self):
        self.history = {}

    def on_epoch_end(self, epoch, logs):
        for k, v in logs.items():
            self.history.setdefault(k, []).append(v)


class EarlyStopping(Callback):
    def __init__(self, monitor='val_loss', patience=10, restore_best_weights=True):
        self.monitor, self.patience = monitor, patience
        self.restore = restore_best_weights
        self.best, self.wait, self.weights = np.inf, 0, None

    def on_epoch_end(self, epoch, logs):
        if logs[self.monitor] < self.best:
            self.best, self.wait = logs[self.monitor], 0
            self.weights = copy.deepcopy(self.model.state_dict())
        else:
            self.wait += 1
            if self.wait >= self.patience:
                self.model.stop_training = True
                print(f'early stopping at epoch {epoch}')

    def on_train_end(self):
        if self.restore and self.weights is not None:
            self.model.load_state_dict(self.weights)


class Normalization(nn.Module):
    """Feature-wise standardisation; call adapt(x) before training."""

    def __init__(self, dim):
        super().__init__()
        self.register_buffer('mean', torch.zeros(dim))
        self.register_buffer('std', torch.ones(dim))

    def adapt(self, x):
        x = torch.as_tensor(x, dtype=torch.float32)
        self.mean.copy_(x.mean(0))
        self.std.copy_(x.std(0).clamp_min(1e-6))
        return self

    def forward(self, x):
        return (x - self.mean) / self.std


class Model(nn.Module):
    def __init__(self, *layers):
        super().__init__()
        self.net = nn.Sequential(*layers)
        self.stop_training = False

    def forward(self, x):
        return self.net(x).squeeze(-1)

    def compile(self, optimizer, loss, metrics):
        self.optimizer, self.loss_fn, self.metrics = optimizer, loss, metrics

    @staticmethod
    def _batches(x, y, batch_size, shuffle):
        order = torch.randperm(len(x)) if shuffle else torch.arange(len(x))
        for idx in order.split(batch_size):
            yield x[idx], y[idx]

    def fit(self, x, y, batch_size=32, epochs=1, validation_data=None, callbacks=(), verbose=10):
        x, y = torch.as_tensor(x, dtype=torch.float32), torch.as_tensor(y, dtype=torch.float32)
        history = History()
        callbacks = [history, *callbacks]
        for cb in callbacks:
            cb.set_model(self)
        self.stop_training = False
        for epoch in range(1, epochs + 1):
            self.train()
            total = 0.0
            for xb, yb in self._batches(x, y, batch_size, shuffle=True):
                self.optimizer.zero_grad()
                loss = self.loss_fn(self(xb), yb)
                loss.backward()
                self.optimizer.step()
                total += loss.item() * len(xb)
            logs = {'loss': total / len(x)}
            if validation_data is not None:
                logs.update({f'val_{k}': v for k, v in self.evaluate(*validation_data).items()})
            if verbose and epoch % verbose == 0:
                print(f'Epoch {epoch}/{epochs} - ' + ' - '.join(f'{k}: {v:.4f}' for k, v in logs.items()))
            for cb in callbacks:
                cb.on_epoch_end(epoch, logs)
            if self.stop_training:
                break
        for cb in callbacks:
            cb.on_train_end()
        return history

    @torch.no_grad()
    def predict(self, x, batch_size=256):
        self.eval()
        x = torch.as_tensor(x, dtype=torch.float32)
        return torch.cat([torch.sigmoid(self(b)) for b in x.split(batch_size)]).numpy()

    @torch.no_grad()
    def evaluate(self, x, y, batch_size=256):
        self.eval()
        x, y = torch.as_tensor(x, dtype=torch.float32), torch.as_tensor(y, dtype=torch.float32)
        logits = torch.cat([self(b) for b in x.split(batch_size)])
        out = {'loss': self.loss_fn(logits, y).item()}
        for name, fn in self.metrics.items():
            out[name] = float(fn(y.numpy(), torch.sigmoid(logits).numpy()))
        return out


def main():
    torch.manual_seed(5)
    np.random.seed(5)
    x, y = load_breast_cancer(return_X_y=True)
    x_tr, x_te, y_tr, y_te = train_test_split(x, y, test_size=0.25, stratify=y, random_state=5)
    x_tr, x_va, y_tr, y_va = train_test_split(x_tr, y_tr, test_size=0.2, stratify=y_tr, random_state=5)

    model = Model(
        Normalization(x.shape[1]).adapt(x_tr),
        nn.Linear(x.shape[1], 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Dropout(0.3),
        nn.Linear(32, 16), nn.ReLU(), nn.Dropout(0.2),
        nn.Linear(16, 1),
    )
    model.compile(
        optimizer=torch.optim.Adam(model.parameters(), lr=2e-3, weight_decay=1e-4),
        loss=nn.BCEWithLogitsLoss(),
        metrics={'accuracy': lambda t, p: ((p > 0.5) == (t > 0.5)).mean(), 'auc': roc_auc_score},
    )
    history = model.fit(x_tr, y_tr, batch_size=31, epochs=200, validation_data=(x_va, y_va),
                        callbacks=[EarlyStopping(patience=40)])
    print('best val loss', round(min(history.history['val_loss']), 4))
    print('majority', round(max(y_te.mean(), 1 - y_te.mean()), 4))
    print('test', {k: round(v, 4) for k, v in model.evaluate(x_te, y_te).items()})
    print('test f1', round(f1_score(y_te, model.predict(x_te) > 0.5), 4))


if __name__ == '__main__':
    main()
