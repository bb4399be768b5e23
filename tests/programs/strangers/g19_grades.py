# Seminar project: predict the grade (A..F) from study habits. Ordinal network (CORAL) vs. plain classifier.
import argparse

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.metrics import cohen_kappa_score

GRADES = "FEDCBA"
K = len(GRADES)


def survey(n, seed):
    r = np.random.RandomState(seed)
    hours, sleep, attend = r.gamma(3, 3, n), r.normal(7, 1.2, n), r.beta(5, 2, n)
    prior, job = r.normal(0, 1, n), (r.rand(n) < 0.4).astype(float)
    junk = r.normal(size=(n, 5))
    skill = (1.6 * np.log1p(hours) - 0.5 * (sleep - 7.5) ** 2 + 3.0 * attend * (1 - 0.6 * job)
             + 1.1 * prior + 0.5 * prior * attend)
    skill = skill + r.logistic(0, 0.45, n)
    cuts = [1.0, 2.4, 4.2, 5.6, 6.7]
    x = np.column_stack([hours, sleep, attend, prior, job, junk])
    return x, np.digitize(skill, cuts)


def to_levels(y):
    """grade 3 of 0..5 -> [1, 1, 1, 0, 0]: 'better than F', 'better than E', ..."""
    return (y.unsqueeze(1) > torch.arange(K - 1)).float()


class Body(nn.Sequential):
    def __init__(self, d):
        super().__init__(nn.Linear(d, 48), nn.ReLU(), nn.Dropout(0.1), nn.Linear(48, 24), nn.ReLU())


class Coral(nn.Module):
    """One score, K - 1 thresholds: all thresholds share the weights, so the curves cannot cross
    once the biases are in order."""

    def __init__(self, d):
        super().__init__()
        self.body = Body(d)
        self.score = nn.Linear(24, 1, bias=False)
        self.bias = nn.Parameter(torch.linspace(2, -2, K - 1))

    def forward(self, x):
        return self.score(self.body(x)) + self.bias

    def loss(self, x, y):
        return F.binary_cross_entropy_with_logits(self(x), to_levels(y), reduction="none").sum(1).mean()

    def grade(self, x):
        return (self(x) > 0).sum(1)


class Plain(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.net = nn.Sequential(Body(d), nn.Linear(24, K))

    def forward(self, x):
        return self.net(x)

    def loss(self, x, y):
        return F.cross_entropy(self(x), y)

    def grade(self, x):
        return self(x).argmax(1)


def fit(model, x, y, epochs, lr):
    opt = torch.optim.RMSprop(model.parameters(), lr=lr, alpha=0.95)
    halve = torch.optim.lr_scheduler.MultiStepLR(opt, [int(0.6 * epochs), int(0.85 * epochs)], gamma=0.3)
    history = []
    for _ in range(epochs):
        model.train()
        s = 0.0
        for b in torch.randperm(len(x)).split(50):
            opt.zero_grad()
            loss = model.loss(x[b], y[b])
            loss.backward()
            opt.step()
            s += loss.item() * len(b)
        halve.step()
        history.append(s / len(x))
    return history


@torch.no_grad()
def marks(model, x, y):
    model.eval()
    g = model.grade(x)
    off = (g - y).abs().float()
    return {"exact": (off == 0).float().mean().item(), "within one": (off <= 1).float().mean().item(),
            "MAE": off.mean().item(), "QWK": cohen_kappa_score(y.numpy(), g.numpy(), weights="quadratic")}


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("-n", type=int, default=1500)
    ap.add_argument("--epochs", type=int, default=30)
    ap.add_argument("--lr", type=float, default=2e-3)
    a = ap.parse_args()

    x, y = survey(a.n, seed=1)
    x_te, y_te = survey(3000, seed=2)
    mu, sd = x.mean(0), x.std(0)
    x, x_te = (torch.tensor((v - mu) / sd, dtype=torch.float32) for v in (x, x_te))
    y, y_te = torch.tensor(y), torch.tensor(y_te)
    print("grades in the training survey:", dict(zip(GRADES, torch.bincount(y, minlength=K).tolist())))

    middle = int(y.float().median())
    print(f"always {GRADES[middle]}: exact {(y_te == middle).float().mean():.3f}  "
          f"MAE {(y_te - middle).abs().float().mean():.3f}")
    for name, cls in (("plain", Plain), ("CORAL", Coral)):
        torch.manual_seed(0)
        model = cls(x.shape[1])
        history = fit(model, x, y, a.epochs, a.lr)
        print(f"{name}: loss " + " ".join(f"{h:.3f}" for h in history[::6]))
        print("   test  " + "  ".join(f"{k} {v:.3f}" for k, v in marks(model, x_te, y_te).items()))
        if isinstance(model, Coral):
            print("   thresholds", [round(-b, 2) for b in model.bias.tolist()])


if __name__ == "__main__":
    main()
