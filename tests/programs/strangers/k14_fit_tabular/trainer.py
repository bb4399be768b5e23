"""A small Trainer with callbacks."""
import math

import torch
from torch import nn


class Callback:
    def on_fit_start(self, trainer):
        pass

    def on_epoch_end(self, trainer, logs):
        pass

    def on_fit_end(self, trainer):
        pass


class EarlyStopping(Callback):
    """Stops after `patience` epochs without progress and brings the best weights back."""

    def __init__(self, monitor="val_loss", patience=10, min_delta=0.0):
        self.monitor, self.patience, self.min_delta = monitor, patience, min_delta

    def on_fit_start(self, trainer):
        self.best, self.best_epoch, self.wait, self.state = math.inf, -1, 0, None

    def on_epoch_end(self, trainer, logs):
        if logs[self.monitor] < self.best - self.min_delta:
            self.best, self.best_epoch, self.wait = logs[self.monitor], logs["epoch"], 0
            self.state = trainer.model.state_dict()
        else:
            self.wait += 1
            trainer.should_stop = self.wait >= self.patience

    def on_fit_end(self, trainer):
        if self.state is not None:
            trainer.model.load_state_dict(self.state)
            print(f"restored the weights of epoch {self.best_epoch} ({self.monitor} {self.best:.4f})")


class PlateauLR(Callback):
    def __init__(self, factor=0.5, patience=10, min_lr=1e-5):
        self.kw = dict(factor=factor, patience=patience, min_lr=min_lr)

    def on_fit_start(self, trainer):
        self.sched = torch.optim.lr_scheduler.ReduceLROnPlateau(trainer.opt, mode="min", **self.kw)

    def on_epoch_end(self, trainer, logs):
        self.sched.step(logs["train_loss"])


class Printer(Callback):
    def __init__(self, every=10):
        self.every = every

    def on_epoch_end(self, trainer, logs):
        if logs["epoch"] % self.every == 0:
            print("  ".join(f"{k} {v:.4f}" if isinstance(v, float) else f"{k} {v:3d}" for k, v in logs.items()))


class Trainer:
    def __init__(self, model, opt, loss_fn, callbacks=(), clip=None):
        self.model, self.opt, self.loss_fn = model, opt, loss_fn
        self.callbacks, self.clip = list(callbacks), clip
        self.should_stop = False

    def _call(self, name, *args):
        for c in self.callbacks:
            getattr(c, name)(self, *args)

    def train_epoch(self, loader):
        self.model.train()
        total, n = 0.0, 0
        for x, y in loader:
            self.opt.zero_grad()
            loss = self.loss_fn(self.model(x), y)
            loss.backward()
            if self.clip:
                nn.utils.clip_grad_norm_(self.model.parameters(), self.clip)
            self.opt.step()
            total, n = total + loss.item() * len(x), n + len(x)
        return total / n

    @torch.no_grad()
    def evaluate(self, loader):
        self.model.eval()
        total, n = 0.0, 0
        for x, y in loader:
            total += self.loss_fn(self.model(x), y).item() * len(x)
            n += len(x)
        return total / n

    def fit(self, train, val, max_epochs):
        self._call("on_fit_start")
        for epoch in range(1, max_epochs + 1):
            logs = {"epoch": epoch, "train_loss": self.train_epoch(train), "val_loss": self.evaluate(val),
                    "lr": self.opt.param_groups[0]["lr"]}
            self._call("on_epoch_end", logs)
            if self.should_stop:
                break
        self._call("on_fit_end")
        return self
