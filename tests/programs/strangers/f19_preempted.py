"""Preemptible training: the job is killed twice and continues from its last checkpoint.

At the end the weights are compared with those of a run that was never interrupted.
"""
import argparse
import logging
import os
import random
import tempfile

import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

logger = logging.getLogger("job")


class Preempted(Exception):
    pass


def load():
    x, y = load_diabetes(return_X_y=True)
    xtr, xte, ytr, yte = train_test_split(x, y, test_size=0.25, random_state=1)
    mu, sd = xtr.mean(0), xtr.std(0)
    ymu, ysd = ytr.mean(), ytr.std()

    def pack(a, b):
        return TensorDataset(torch.tensor((a - mu) / sd, dtype=torch.float32),
                             torch.tensor((b - ymu) / ysd, dtype=torch.float32).unsqueeze(1))

    return pack(xtr, ytr), pack(xte, yte)


class Job:
    def __init__(self, args, path=None):
        random.seed(args.seed)
        np.random.seed(args.seed)
        torch.manual_seed(args.seed)
        self.args, self.path = args, path
        self.train_set, self.test_set = load()
        self.order = torch.Generator().manual_seed(args.seed + 1)
        self.loader = DataLoader(self.train_set, batch_size=args.micro, shuffle=True, generator=self.order)
        self.model = nn.Sequential(nn.Linear(10, 64), nn.SiLU(), nn.Dropout(0.3),
                                   nn.Linear(64, 32), nn.SiLU(), nn.Dropout(0.2), nn.Linear(32, 1))
        self.opt = torch.optim.AdamW(self.model.parameters(), lr=args.lr, weight_decay=0.05)
        self.sched = torch.optim.lr_scheduler.CosineAnnealingLR(self.opt, args.epochs)
        self.epoch = 0
        if path and os.path.exists(path):
            self.restore()

    def save(self):
        state = {
            "epoch": self.epoch,
            "model": self.model.state_dict(),
            "opt": self.opt.state_dict(),
            "sched": self.sched.state_dict(),
            "order": self.order.get_state(),
            "torch_rng": torch.get_rng_state(),
        }
        torch.save(state, self.path + ".tmp")
        os.replace(self.path + ".tmp", self.path)

    def restore(self):
        state = torch.load(self.path)
        for name in ("model", "opt", "sched"):
            getattr(self, name).load_state_dict(state[name])
        self.order.set_state(state["order"])
        torch.set_rng_state(state["torch_rng"])
        self.epoch = state["epoch"]
        logger.info("resumed after epoch %d, lr %.2e", self.epoch, self.sched.get_last_lr()[0])

    def run_epoch(self):
        self.model.train()
        n, total = len(self.train_set), 0.0
        batches = len(self.loader)
        size = 0
        self.opt.zero_grad()
        for i, (x, y) in enumerate(self.loader, 1):
            # sums of squares, turned into a mean over the whole effective batch just before the update
            loss = (self.model(x) - y).square().sum()
            loss.backward()
            total += loss.item()
            size += len(x)
            if i % self.args.accumulate == 0 or i == batches:
                for p in self.model.parameters():
                    p.grad /= size
                self.opt.step()
                self.opt.zero_grad()
                size = 0
        self.sched.step()
        return total / n

    @torch.no_grad()
    def r2(self):
        self.model.eval()
        x, y = self.test_set.tensors
        return 1 - ((self.model(x) - y).square().sum() / (y - y.mean()).square().sum()).item()

    def run(self, kill_after=()):
        while self.epoch < self.args.epochs:
            mse = self.run_epoch()
            self.epoch += 1
            if self.epoch % 20 == 0:
                logger.info("epoch %3d  train mse %.4f  test R2 %.4f", self.epoch, mse, self.r2())
            if self.path and self.epoch % self.args.save_every == 0:
                self.save()
            if self.epoch in kill_after:
                raise Preempted(self.epoch)
        return self.model


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--epochs", type=int, default=60)
    p.add_argument("--micro", type=int, default=8)
    p.add_argument("--accumulate", type=int, default=4)
    p.add_argument("--lr", type=float, default=3e-3)
    p.add_argument("--save-every", type=int, default=5)
    p.add_argument("--seed", type=int, default=0)
    args = p.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")

    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "last.pt")
        kills = [17, 43]
        while True:
            job = Job(args, path)
            try:
                model = job.run(kill_after=kills[:1])
                break
            except Preempted as stop:
                kills.pop(0)
                logger.info("killed after epoch %s", stop)
        final = job.r2()
    logger.info("--- reference run, never interrupted")
    reference = Job(args)
    other = reference.run()
    gap = max((a - b).abs().max().item() for a, b in zip(model.parameters(), other.parameters()))
    logger.info("test R2 %.4f (reference %.4f), largest weight difference %.1e", final, reference.r2(), gap)


if __name__ == "__main__":
    main()
