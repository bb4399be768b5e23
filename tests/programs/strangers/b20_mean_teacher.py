"""Semi-supervised digits: 60 labels, an averaged teacher writes pseudo labels for everything else."""
import copy
from dataclasses import dataclass, field

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split


@dataclass
class Config:
    labelled: int = 60
    steps: int = 900
    warmup: int = 150
    batch_l: int = 30
    batch_u: int = 128
    decay: float = 0.98
    threshold: float = 0.9
    weak: float = 0.05
    strong: float = 0.25
    lr: float = 2e-3
    seed: int = 13
    widths: tuple = field(default=(128, 64))


def network(cfg):
    layers, d = [], 64
    for w in cfg.widths:
        layers += [nn.Linear(d, w), nn.BatchNorm1d(w), nn.ReLU(), nn.Dropout(0.2)]
        d = w
    return nn.Sequential(*layers, nn.Linear(d, 10))


def jitter(x, amount):
    return x + amount * torch.randn_like(x)


class Teacher:
    """Exponential moving average of a student network."""

    def __init__(self, student, decay):
        self.net = copy.deepcopy(student).eval()
        for p in self.net.parameters():
            p.requires_grad_(False)
        self.decay = decay

    @torch.no_grad()
    def update(self, student, step):
        d = min(self.decay, 1 - 1 / (step + 1))
        for mine, theirs in zip(self.net.parameters(), student.parameters()):
            mine.mul_(d).add_(theirs, alpha=1 - d)

    @torch.no_grad()
    def label(self, x, threshold):
        conf, lab = self.net(x).softmax(dim=1).max(dim=1)
        return lab, conf >= threshold


@torch.no_grad()
def accuracy(net, x, y):
    net.eval()
    return (net(x).argmax(1) == y).float().mean().item()


def load(cfg):
    X, y = load_digits(return_X_y=True)
    pool, test, y_pool, y_test = train_test_split(X, y, test_size=0.3, stratify=y, random_state=cfg.seed)
    lab, unl, y_lab, _ = train_test_split(pool, y_pool, train_size=cfg.labelled, stratify=y_pool,
                                          random_state=cfg.seed)
    t = lambda a: torch.tensor(a / 16.0, dtype=torch.float32)
    return t(lab), torch.tensor(y_lab), t(unl), t(test), torch.tensor(y_test)


def main():
    cfg = Config()
    torch.manual_seed(cfg.seed)
    xl, yl, xu, xt, yt = load(cfg)
    student = network(cfg)
    teacher = Teacher(student, cfg.decay)
    opt = torch.optim.Adam(student.parameters(), lr=cfg.lr, weight_decay=1e-4)

    for step in range(cfg.steps):
        student.train()
        i = torch.randperm(len(xl))[:cfg.batch_l]
        loss = F.cross_entropy(student(jitter(xl[i], cfg.weak)), yl[i])
        used = torch.zeros(1)
        if step >= cfg.warmup:
            u = xu[torch.randperm(len(xu))[:cfg.batch_u]]
            target, sure = teacher.label(jitter(u, cfg.weak), cfg.threshold)
            per_item = F.cross_entropy(student(jitter(u, cfg.strong)), target, reduction="none")
            used = sure.float()
            loss = loss + (per_item * used).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
        teacher.update(student, step)
        if (step + 1) % 150 == 0:
            print(f"step {step + 1:4d}  loss {loss.item():.4f}  pseudo labels used {used.mean().item():.2f}")

    print(f"test accuracy: teacher {accuracy(teacher.net, xt, yt):.3f}")


if __name__ == "__main__":
    main()
