import argparse
import os
import sys

import numpy as np
import torch
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LinearRegression
from torch import nn
from torch.nn.utils.parametrizations import weight_norm
from torch.utils.data import DataLoader, TensorDataset

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from config import Config  # noqa: E402
from trainer import EarlyStopping, PlateauLR, Printer, Trainer  # noqa: E402


class Regressor(nn.Module):
    def __init__(self, d, hidden, depth):
        super().__init__()
        dims = [d] + [hidden] * depth
        self.layers = nn.ModuleList(weight_norm(nn.Linear(a, b)) for a, b in zip(dims, dims[1:]))
        self.out = nn.Linear(hidden, 1)

    def forward(self, x):
        for layer in self.layers:
            x = nn.functional.silu(layer(x))
        return self.out(x).squeeze(-1)


def parse():
    cfg = Config()
    ap = argparse.ArgumentParser()
    for name, value in vars(cfg).items():
        ap.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value)
    return Config(**vars(ap.parse_args()))


def main():
    cfg = parse()
    torch.manual_seed(cfg.seed)
    X, y = load_diabetes(return_X_y=True)
    order = np.random.default_rng(cfg.seed).permutation(len(X))
    tr, va, te = np.split(order, [250, 340])
    mean, std, my, sy = X[tr].mean(0), X[tr].std(0), y[tr].mean(), y[tr].std()

    def tensors(idx):
        return TensorDataset(torch.tensor((X[idx] - mean) / std, dtype=torch.float32),
                             torch.tensor((y[idx] - my) / sy, dtype=torch.float32))

    train = DataLoader(tensors(tr), batch_size=cfg.batch_size, shuffle=True)
    val, test = (DataLoader(tensors(i), batch_size=128) for i in (va, te))
    model = Regressor(X.shape[1], cfg.hidden, cfg.depth)
    opt = torch.optim.AdamW(model.parameters(), lr=cfg.lr, weight_decay=cfg.weight_decay)
    trainer = Trainer(model, opt, nn.MSELoss(), clip=cfg.clip,
                      callbacks=[PlateauLR(), Printer(), EarlyStopping(patience=cfg.patience)])
    trainer.fit(train, val, cfg.max_epochs)
    mse = trainer.evaluate(test)
    lin = LinearRegression().fit(X[tr], y[tr])
    lin_rmse = float(np.sqrt(np.mean((lin.predict(X[te]) - y[te]) ** 2)))
    print(f"test RMSE {mse ** 0.5 * sy:.2f} (linear regression {lin_rmse:.2f})")


if __name__ == "__main__":
    main()
