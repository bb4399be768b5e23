"""Two-phase training with checkpoints.

phase 1: digits as they are (scanner A)
phase 2: continue from the phase-1 checkpoint on scanner B, which inverts the image,
         turns it by 90 degrees and has a gain of its own. Only 400 images there.
"""
import io
from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.optim import AdamW
from torch.optim.lr_scheduler import OneCycleLR
from torch.utils.data import DataLoader, TensorDataset


@dataclass
class PhaseConfig:
    epochs: int
    lr: float
    batch_size: int = 32
    weight_decay: float = 1e-2


@dataclass
class Config:
    seed: int = 99
    width: int = 128
    phase1: PhaseConfig = field(default_factory=lambda: PhaseConfig(epochs=15, lr=3e-3))
    phase2: PhaseConfig = field(default_factory=lambda: PhaseConfig(epochs=30, lr=1e-3))


class Net(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.stem = nn.Sequential(nn.Flatten(), nn.Linear(64, width), nn.GELU(), nn.LayerNorm(width))
        self.res = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Dropout(0.1), nn.Linear(width, width))
        self.norm = nn.LayerNorm(width)
        self.out = nn.Linear(width, 10)

    def forward(self, x):
        h = self.stem(x)
        return self.out(self.norm(h + self.res(h)))


def scanner_b(img):
    img = np.rot90(img, axes=(1, 2)).copy()
    return (16 - img) * np.linspace(0.7, 1.1, 8)


def to_dataset(img, y):
    return TensorDataset(torch.tensor(img / 16, dtype=torch.float32), torch.tensor(y))


def evaluate(model, ds):
    model.eval()
    x, y = ds.tensors
    with torch.no_grad():
        out = model(x)
    return nn.functional.cross_entropy(out, y).item(), (out.argmax(1) == y).float().mean().item()


class Trainer:
    def __init__(self, cfg, model, train_ds, val_ds, ckpt=None):
        self.cfg = cfg
        self.model = model
        self.val_ds = val_ds
        self.loader = DataLoader(train_ds, batch_size=cfg.batch_size, shuffle=True, drop_last=True)
        self.loss_fn = nn.CrossEntropyLoss()
        self.optimizer = AdamW(model.parameters(), lr=cfg.lr, weight_decay=cfg.weight_decay)
        self.scheduler = None
        if ckpt is not None:
            state = torch.load(io.BytesIO(ckpt), weights_only=True)
            self.model.load_state_dict(state["model"])
            self.optimizer.load_state_dict(state["optimizer"])

    def use_one_cycle(self):
        self.scheduler = OneCycleLR(self.optimizer, max_lr=self.cfg.lr,
                                    total_steps=self.cfg.epochs * len(self.loader))
        return self

    def save(self):
        buf = io.BytesIO()
        torch.save({"model": self.model.state_dict(), "optimizer": self.optimizer.state_dict()}, buf)
        return buf.getvalue()

    def fit(self, name):
        for epoch in range(1, self.cfg.epochs + 1):
            self.model.train()
            losses = []
            for x, y in self.loader:
                loss = self.loss_fn(self.model(x), y)
                self.optimizer.zero_grad(set_to_none=True)
                loss.backward()
                nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
                self.optimizer.step()
                if self.scheduler is not None:
                    self.scheduler.step()
                losses.append(loss.item())
            if epoch % 5 == 0:
                vl, va = evaluate(self.model, self.val_ds)
                print(f"{name} epoch {epoch:2d}  train {np.mean(losses):.4f}  val {vl:.4f}  acc {va:.4f}")


def main():
    cfg = Config()
    torch.manual_seed(cfg.seed)
    digits = load_digits()
    order = np.random.default_rng(cfg.seed).permutation(len(digits.target))
    img, y = digits.images[order], digits.target[order]
    a_train, b_train, test = slice(0, 900), slice(900, 1300), slice(1300, None)

    first = Trainer(cfg.phase1, Net(cfg.width), to_dataset(img[a_train], y[a_train]),
                    to_dataset(img[test], y[test])).use_one_cycle()
    first.fit("A")
    ckpt = first.save()

    b_test = to_dataset(scanner_b(img[test]), y[test])
    second = Trainer(cfg.phase2, Net(cfg.width), to_dataset(scanner_b(img[b_train]), y[b_train]), b_test, ckpt=ckpt)
    print("scanner B, before phase 2: loss %.4f acc %.4f" % evaluate(second.model, b_test))
    second.fit("B")
    print("scanner B, after phase 2: loss %.4f acc %.4f" % evaluate(second.model, b_test))


if __name__ == "__main__":
    main()
