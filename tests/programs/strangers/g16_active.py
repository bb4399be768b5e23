"""Active learning on digits: how far do N labels go if the network may choose what to ask?"""
import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import train_test_split
from torch import nn

START, ASK, ROUNDS = 20, 20, 9


def imbalanced_digits(seed=0):
    """Digits with rare classes: 1, 5, 8 and 9 are thinned out in the pool, the test set stays balanced."""
    d = load_digits()
    x = (d.data / 16.0).astype(np.float32)
    x_pool, x_test, y_pool, y_test = train_test_split(x, d.target, test_size=0.4, stratify=d.target,
                                                      random_state=seed)
    rng = np.random.default_rng(seed)
    keep = ~np.isin(y_pool, [1, 5, 8, 9]) | (rng.random(len(y_pool)) < 0.2)
    return torch.from_numpy(x_pool[keep]), torch.from_numpy(y_pool[keep]), torch.from_numpy(x_test), y_test


def make_net():
    return nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Dropout(0.25),
                         nn.Linear(96, 96), nn.ReLU(), nn.Dropout(0.25), nn.Linear(96, 10))


def fit(x, y, epochs=30, batch=20):
    """A fresh network each round, otherwise it stays fond of the first labels."""
    net = make_net()
    opt = torch.optim.Adam(net.parameters(), lr=3e-3, weight_decay=1e-4)
    net.train()
    for _ in range(epochs):
        for rows in torch.randperm(len(x)).split(batch):
            opt.zero_grad()
            nn.functional.cross_entropy(net(x[rows]), y[rows]).backward()
            opt.step()
    return net


@torch.no_grad()
def test_score(net, x, y):
    net.eval()
    return balanced_accuracy_score(y, net(x).argmax(1).numpy())


@torch.no_grad()
def committee_margin(net, x, passes=12):
    """Small gap between the two best classes, averaged over dropout masks = worth asking."""
    net.train()
    prob = torch.stack([net(x).softmax(1) for _ in range(passes)]).mean(0)
    top = prob.topk(2, dim=1).values
    return 1 - (top[:, 0] - top[:, 1])


class Experiment:
    def __init__(self, strategy, seed):
        self.strategy = strategy
        torch.manual_seed(seed)
        self.rng = np.random.default_rng(seed)
        self.x, self.y, self.x_test, self.y_test = imbalanced_digits()
        first = self.rng.choice(len(self.x), START, replace=False)
        self.labelled = first
        self.pool = np.setdiff1d(np.arange(len(self.x)), first)

    def choose(self, net):
        if self.strategy == "random":
            return self.rng.choice(len(self.pool), ASK, replace=False)
        score = committee_margin(net, self.x[self.pool])
        return score.argsort(descending=True)[:ASK].numpy()

    def run(self):
        curve = []
        for r in range(ROUNDS + 1):
            net = fit(self.x[self.labelled], self.y[self.labelled])
            curve.append(test_score(net, self.x_test, self.y_test))
            if r == ROUNDS:
                break
            picked = self.choose(net)
            self.labelled = np.concatenate([self.labelled, picked])
            self.pool = np.delete(self.pool, picked)
        rare = np.isin(self.y[self.labelled].numpy(), [1, 5, 8, 9]).mean()
        return curve, rare


def main(seeds=(0, 1)):
    x, y, _, y_test = imbalanced_digits()
    print(f"pool of {len(x)}, class counts {torch.bincount(y).tolist()}; {len(y_test)} test digits")
    torch.manual_seed(99)
    everything = test_score(fit(x, y, epochs=15), *imbalanced_digits()[2:])

    curves = {}
    for strategy in ("random", "margin"):
        runs = [Experiment(strategy, s).run() for s in seeds]
        curves[strategy] = np.mean([c for c, _ in runs], axis=0)
        print(f"{strategy:7s} share of rare digits among the labels {np.mean([r for _, r in runs]):.3f}")

    print("labels  " + "  ".join(f"{s:>7s}" for s in curves))
    for r in range(ROUNDS + 1):
        print(f"{START + r * ASK:6d}  " + "  ".join(f"{c[r]:7.3f}" for c in curves.values()))
    print(f"whole pool labelled: {everything:.3f}")


if __name__ == "__main__":
    main()
