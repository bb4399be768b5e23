"""Federated averaging: ten sites with different class mixes, a few sites take part in every round."""
import argparse
import copy
import random

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, Subset, TensorDataset


def dirichlet_split(labels, sites, alpha, rng):
    buckets = [[] for _ in range(sites)]
    for c in np.unique(labels):
        idx = rng.permutation(np.flatnonzero(labels == c))
        cuts = (np.cumsum(rng.dirichlet([alpha] * sites))[:-1] * len(idx)).astype(int)
        for bucket, part in zip(buckets, np.split(idx, cuts)):
            bucket.extend(part.tolist())
    return buckets


class ConvNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1 = nn.Conv2d(1, 12, 3, padding=1, bias=False)
        self.b1 = nn.BatchNorm2d(12)
        self.c2 = nn.Conv2d(12, 24, 3, padding=1, bias=False)
        self.b2 = nn.BatchNorm2d(24)
        self.fc = nn.Linear(24 * 4, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.b1(self.c1(x))), 2)
        x = F.max_pool2d(F.relu(self.b2(self.c2(x))), 2)
        return self.fc(x.flatten(1))


class Site:
    def __init__(self, dataset, indices, batch):
        self.size = len(indices)
        self.loader = DataLoader(Subset(dataset, indices), batch_size=batch, shuffle=True, drop_last=self.size > batch)

    def fit(self, global_model, epochs, lr):
        model = copy.deepcopy(global_model)
        model.train()
        opt = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)
        losses = []
        for _ in range(epochs):
            for x, y in self.loader:
                opt.zero_grad()
                loss = F.cross_entropy(model(x), y)
                loss.backward()
                opt.step()
                losses.append(loss.item())
        return model, float(np.mean(losses))


class Server:
    def __init__(self, model):
        self.model = model

    @torch.no_grad()
    def aggregate(self, models, sizes):
        total = float(sum(sizes))
        weights = [s / total for s in sizes]
        for target, *parts in zip(self.model.parameters(), *(m.parameters() for m in models)):
            target.copy_(sum(w * p for w, p in zip(weights, parts)))

    @torch.no_grad()
    def evaluate(self, loader):
        self.model.eval()
        correct, loss = 0, 0.0
        for x, y in loader:
            out = self.model(x)
            loss += F.cross_entropy(out, y, reduction="sum").item()
            correct += (out.argmax(1) == y).sum().item()
        return loss / len(loader.dataset), correct / len(loader.dataset)


def images(z):
    # the scanner's raw units: 0 is empty paper, 16 is full ink
    return torch.tensor(z, dtype=torch.float32).unsqueeze(1)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--sites", type=int, default=10)
    ap.add_argument("--per-round", type=int, default=4)
    ap.add_argument("--rounds", type=int, default=12)
    ap.add_argument("--local-epochs", type=int, default=2)
    ap.add_argument("--alpha", type=float, default=0.8)
    ap.add_argument("--lr", type=float, default=0.02)
    ap.add_argument("--batch", type=int, default=16)
    ap.add_argument("--seed", type=int, default=12)
    a = ap.parse_args()

    random.seed(a.seed)
    torch.manual_seed(a.seed)
    rng = np.random.default_rng(a.seed)
    d = load_digits()
    x_tr, x_te, y_tr, y_te = train_test_split(d.images, d.target, test_size=0.25, stratify=d.target, random_state=a.seed)
    train = TensorDataset(images(x_tr), torch.tensor(y_tr))
    test = DataLoader(TensorDataset(images(x_te), torch.tensor(y_te)), batch_size=256)

    parts = dirichlet_split(y_tr, a.sites, a.alpha, rng)
    sites = [Site(train, p, a.batch) for p in parts if len(p) >= a.batch]
    print("records per site:", [s.size for s in sites])

    server = Server(ConvNet())
    for rnd in range(1, a.rounds + 1):
        chosen = random.sample(sites, a.per_round)
        lr = a.lr * 0.97 ** rnd
        results = [s.fit(server.model, a.local_epochs, lr) for s in chosen]
        server.aggregate([m for m, _ in results], [s.size for s in chosen])
        loss, acc = server.evaluate(test)
        if rnd % 3 == 0:
            local = np.mean([r[1] for r in results])
            print(f"round {rnd:2d}  local loss {local:.4f}  global test loss {loss:.4f}  accuracy {acc:.4f}")


if __name__ == "__main__":
    main()
