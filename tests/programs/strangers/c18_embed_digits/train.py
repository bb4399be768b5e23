"""
Embedding network with a cosine margin.

An "epoch" is a class-balanced draw of --epoch-size images, not a full pass. A little
noise is added on the fly. Usage: python train.py [--epochs N] [--epoch-size N]
"""
import argparse
import logging
import sys

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, Dataset, Sampler

from model import CosineMarginLoss, EmbeddingNet

logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
log = logging.getLogger("embed")


class Digits(Dataset):
    def __init__(self, images, labels, noise=0.0):
        self.images = torch.tensor(images / 16.0, dtype=torch.float32)[:, None]
        self.labels = torch.tensor(labels)
        self.noise = noise

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        x = self.images[i]
        if self.noise:
            x = x + self.noise * torch.randn_like(x)
        return x, self.labels[i]


class BalancedSampler(Sampler):
    """the same number of images of every class, in random order"""

    def __init__(self, labels, size, seed):
        self.by_class = [(labels == c).nonzero().flatten() for c in labels.unique()]
        self.per_class = size // len(self.by_class)
        self.seed = seed

    def __len__(self):
        return self.per_class * len(self.by_class)

    def __iter__(self):
        g = torch.Generator().manual_seed(self.seed)
        chosen = torch.cat([pool[torch.randperm(len(pool), generator=g)[: self.per_class]] for pool in self.by_class])
        yield from chosen[torch.randperm(len(chosen), generator=g)].tolist()


@torch.no_grad()
def evaluate(net, head, loader):
    net.eval()
    hits = total = 0
    for x, y in loader:
        hits += (head.classify(net(x)) == y).sum().item()
        total += len(y)
    return hits / total


def main(argv=None):
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--epochs", type=int, default=60)
    p.add_argument("--epoch-size", type=int, default=100)
    p.add_argument("--batch-size", type=int, default=10)
    p.add_argument("--lr", type=float, default=2e-3)
    p.add_argument("--dim", type=int, default=16)
    p.add_argument("--seed", type=int, default=6)
    args = p.parse_args(argv)
    torch.manual_seed(args.seed)

    d = load_digits()
    a, b, ya, yb = train_test_split(d.images, d.target, test_size=0.35, stratify=d.target, random_state=args.seed)
    train, test = Digits(a, ya, noise=0.1), Digits(b, yb)
    sampler = BalancedSampler(train.labels, args.epoch_size, args.seed)
    train_dl = DataLoader(train, batch_size=args.batch_size, sampler=sampler)
    test_dl = DataLoader(test, batch_size=256)

    net, head = EmbeddingNet(args.dim), CosineMarginLoss(args.dim, 10)
    opt = torch.optim.Adam([*net.parameters(), *head.parameters()], lr=args.lr)
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, args.epochs)
    log.info("%d training images, %d per epoch", len(train), len(sampler))

    for epoch in range(1, args.epochs + 1):
        net.train()
        total = 0.0
        for x, y in train_dl:
            loss = head(net(x), y)
            opt.zero_grad()
            loss.backward()
            opt.step()
            total += loss.item() * len(y)
        sched.step()
        if epoch % 10 == 0:
            log.info("epoch %3d  loss %.4f  test acc %.4f", epoch, total / len(sampler), evaluate(net, head, test_dl))
    log.info("final test acc %.4f", evaluate(net, head, test_dl))


if __name__ == "__main__":
    main()
