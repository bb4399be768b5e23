"""Two small students teach each other (deep mutual learning) on 8x8 digits."""
from dataclasses import dataclass

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split


@dataclass
class Config:
    epochs: int = 12
    batch: int = 64
    lr_a: float = 3e-3
    lr_b: float = 0.05
    temperature: float = 2.0
    beta: float = 0.5
    seed: int = 5


class Wide(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(64, 128), nn.ReLU(), nn.Dropout(0.2))
        self.out = nn.Linear(128, 10)

    def forward(self, x):
        return self.out(self.body(x))


class Conv(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1 = nn.Conv2d(1, 12, 3, padding=1)
        self.c2 = nn.Conv2d(12, 24, 3, padding=1)
        self.out = nn.Linear(24 * 4, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.c1(x)), 2)
        x = F.max_pool2d(F.relu(self.c2(x)), 2)
        return self.out(x.flatten(1))


def peer_term(mine, other, T):
    """KL(other || mine), the other one is a fixed target here."""
    target = F.softmax(other.detach() / T, dim=1)
    logp = F.log_softmax(mine / T, dim=1)
    return F.kl_div(logp, target, reduction="batchmean") * T * T


def batches(x, y, size, gen):
    order = torch.randperm(len(x), generator=gen)
    for chunk in order.split(size):
        yield x[chunk], y[chunk]


@torch.no_grad()
def score(nets, x, y):
    for n in nets:
        n.eval()
    logits = [n(x) for n in nets]
    single = [(l.argmax(1) == y).float().mean().item() for l in logits]
    mean_p = sum(l.softmax(1) for l in logits)
    return single + [(mean_p.argmax(1) == y).float().mean().item()]


def run(cfg: Config):
    torch.manual_seed(cfg.seed)
    d = load_digits()
    xtr, xte, ytr, yte = train_test_split(
        d.images, d.target, test_size=0.25, stratify=d.target, random_state=cfg.seed)
    to_x = lambda a: (torch.tensor(a, dtype=torch.float32)[:, None] - 4.9) / 6.0
    xtr, xte, ytr, yte = to_x(xtr), to_x(xte), torch.tensor(ytr), torch.tensor(yte)

    a, b = Wide(), Conv()
    opt_a = torch.optim.Adam(a.parameters(), lr=cfg.lr_a)
    opt_b = torch.optim.SGD(b.parameters(), lr=cfg.lr_b, momentum=0.9)
    gen = torch.Generator().manual_seed(cfg.seed)

    for epoch in range(cfg.epochs):
        a.train()
        b.train()
        sa = sb = 0.0
        for x, y in batches(xtr, ytr, cfg.batch, gen):
            la, lb = a(x), b(x)
            loss_a = F.cross_entropy(la, y) + cfg.beta * peer_term(la, lb, cfg.temperature)
            loss_b = F.cross_entropy(lb, y) + cfg.beta * peer_term(lb, la, cfg.temperature)

            opt_a.zero_grad()
            loss_a.backward()
            opt_a.step()

            opt_b.zero_grad()
            loss_b.backward()
            opt_b.step()
            sa += loss_a.item() * len(y)
            sb += loss_b.item() * len(y)
        print(f"epoch {epoch:02d} loss_a={sa / len(ytr):.3f} loss_b={sb / len(ytr):.3f}")
    acc = score([a, b], xte, yte)
    print("test: wide %.3f  conv %.3f  both %.3f" % tuple(acc))


if __name__ == "__main__":
    run(Config())
