"""
Super-convergence on a toy problem: five interleaved spirals in 2-d plus nuisance
features, SGD + OneCycleLR as recommended in the fastai course.
"""
import argparse
import random

import numpy as np
import torch
import torch.nn as nn
from torch.optim.lr_scheduler import OneCycleLR
from torch.utils.data import DataLoader, TensorDataset


def seed_everything(seed):
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def spirals(n_per_arm, arms=5, turns=0.9, noise=0.06, seed=0):
    rng = np.random.default_rng(seed)
    xs, ys = [], []
    for k in range(arms):
        r = np.sqrt(rng.uniform(0.02, 1, n_per_arm))
        theta = 2 * np.pi * (turns * r + k / arms) + rng.normal(0, noise, n_per_arm) * 2
        xs.append(np.stack([r * np.cos(theta), r * np.sin(theta)], 1))
        ys.append(np.full(n_per_arm, k))
    x, y = np.concatenate(xs), np.concatenate(ys)
    x = np.concatenate([x * 2, rng.normal(0, 0.5, (len(x), 4))], 1)
    order = rng.permutation(len(x))
    return torch.tensor(x[order], dtype=torch.float32), torch.tensor(y[order])


class Residual(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.lin1 = nn.Linear(width, width)
        self.lin2 = nn.Linear(width, width)
        self.act = nn.SiLU()

    def forward(self, x):
        return x + self.lin2(self.act(self.lin1(self.act(x))))


class Net(nn.Module):
    def __init__(self, n_in, n_out, width=64, depth=3):
        super().__init__()
        self.stem = nn.Linear(n_in, width)
        self.blocks = nn.Sequential(*[Residual(width) for _ in range(depth)])
        self.head = nn.Linear(width, n_out)

    def forward(self, x):
        return self.head(torch.relu(self.blocks(self.stem(x))))


class Learner:
    def __init__(self, model, train_dl, valid_dl, epochs, max_lr):
        self.model, self.train_dl, self.valid_dl = model, train_dl, valid_dl
        self.epochs = epochs
        self.loss_func = nn.CrossEntropyLoss()
        self.opt = torch.optim.SGD(model.parameters(), lr=max_lr, momentum=0.9, weight_decay=1e-4)
        self.sched = OneCycleLR(self.opt, max_lr=max_lr, epochs=epochs,
                                steps_per_epoch=len(train_dl), pct_start=0.3)
        self.recorder = []

    def one_batch(self, xb, yb):
        loss = self.loss_func(self.model(xb), yb)
        self.opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 2.0)
        self.opt.step()
        return loss.item()

    def validate(self):
        self.model.eval()
        correct = total = 0
        loss = 0.0
        with torch.no_grad():
            for xb, yb in self.valid_dl:
                out = self.model(xb)
                loss += self.loss_func(out, yb).item() * len(yb)
                correct += (out.argmax(1) == yb).sum().item()
                total += len(yb)
        return loss / total, correct / total

    def fit(self):
        print(f"{'epoch':>5} {'train_loss':>10} {'valid_loss':>10} {'accuracy':>9}")
        for epoch in range(self.epochs):
            self.model.train()
            losses = [self.one_batch(xb, yb) for xb, yb in self.train_dl]
            self.sched.step()
            valid_loss, acc = self.validate()
            self.recorder.append((np.mean(losses), valid_loss, acc))
            print(f"{epoch:5d} {np.mean(losses):10.4f} {valid_loss:10.4f} {acc:9.4f}")
        return self.recorder[-1]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--bs", type=int, default=64)
    parser.add_argument("--max_lr", type=float, default=0.15)
    parser.add_argument("--seed", type=int, default=42)
    args = parser.parse_args()

    seed_everything(args.seed)
    x_tr, y_tr = spirals(800, seed=args.seed)
    x_va, y_va = spirals(300, seed=args.seed + 1)
    mean, std = x_tr.mean(0), x_tr.std(0)
    train_dl = DataLoader(TensorDataset((x_tr - mean) / std, y_tr), batch_size=args.bs, shuffle=True)
    valid_dl = DataLoader(TensorDataset((x_va - mean) / std, y_va), batch_size=500)

    learner = Learner(Net(x_tr.shape[1], 5), train_dl, valid_dl, args.epochs, args.max_lr)
    _, loss, acc = learner.fit()
    print(f"finished: valid loss {loss:.4f}, accuracy {acc:.4f}")


if __name__ == "__main__":
    main()
