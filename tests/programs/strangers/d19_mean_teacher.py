"""Semi-supervised digits: mean teacher, frozen random features, imbalanced labels."""
import argparse
import copy
import math

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset, WeightedRandomSampler


class FrozenFilters(nn.Module):
    """Fixed Gabor-like filter bank followed by rectification and pooling."""

    def __init__(self, n_orient=8):
        super().__init__()
        yy, xx = torch.meshgrid(torch.arange(-1., 2.), torch.arange(-1., 2.), indexing='ij')
        bank = []
        for k in range(n_orient):
            th = 2 * math.pi * k / n_orient
            bank.append(xx * math.cos(th) + yy * math.sin(th))
        self.weight = nn.Parameter(torch.stack(bank).unsqueeze(1) / 3, requires_grad=False)

    def forward(self, x):
        edges = F.relu(F.conv2d(x, self.weight, padding=1))
        return torch.cat([F.avg_pool2d(edges, 2).flatten(1), x.flatten(1)], dim=1)


class Student(nn.Module):
    def __init__(self, classes=10, hidden=96):
        super().__init__()
        self.filters = FrozenFilters()
        self.fc1 = nn.Linear(8 * 16 + 64, hidden)
        self.bn = nn.BatchNorm1d(hidden)
        self.fc2 = nn.Linear(hidden, classes)

    def forward(self, x):
        return self.fc2(F.relu(self.bn(self.fc1(self.filters(x)))))


def perturb(x, sigma):
    shift = int(torch.randint(-1, 2, (1,)))
    axis = int(torch.randint(2, 4, (1,)))
    x = torch.roll(x, shift, dims=axis)
    return x + sigma * torch.randn_like(x)


@torch.no_grad()
def update_teacher(teacher, student, decay):
    for t, s in zip(teacher.parameters(), student.parameters()):
        t.mul_(decay).add_(s, alpha=1 - decay)
    for t, s in zip(teacher.buffers(), student.buffers()):
        t.copy_(s)


def ramp_up(step, length):
    if step >= length:
        return 1.0
    return math.exp(-5 * (1 - step / length) ** 2)


def split_data(args):
    d = load_digits()
    x = torch.tensor(d.images, dtype=torch.float32).unsqueeze(1) / 8.0 - 1.0
    y = torch.tensor(d.target)
    tr, te = train_test_split(np.arange(len(y)), test_size=0.35, stratify=d.target,
                              random_state=args.seed)
    rng = np.random.default_rng(args.seed)
    labelled = []
    for c in range(10):
        pool = rng.permutation(tr[d.target[tr] == c])
        labelled.extend(pool[:4 if c % 2 else 12])
    labelled = np.array(labelled)
    return (x[labelled], y[labelled]), x[tr], (x[te], y[te])


@torch.no_grad()
def evaluate(model, x, y):
    model.eval()
    logits = model(x)
    pred = logits.argmax(1)
    recalls = [(pred[y == c] == c).float().mean().item() for c in range(10)]
    return F.cross_entropy(logits, y).item(), (pred == y).float().mean().item(), float(np.mean(recalls))


def main():
    p = argparse.ArgumentParser()
    p.add_argument('--steps', type=int, default=1500)
    p.add_argument('--labelled-bs', type=int, default=32)
    p.add_argument('--unlabelled-bs', type=int, default=96)
    p.add_argument('--lr', type=float, default=3e-3)
    p.add_argument('--ema', type=float, default=0.99)
    p.add_argument('--consistency', type=float, default=8.0)
    p.add_argument('--sigma', type=float, default=0.25)
    p.add_argument('--seed', type=int, default=2)
    args = p.parse_args()
    torch.manual_seed(args.seed)

    (xl, yl), xu, (x_test, y_test) = split_data(args)
    freq = torch.bincount(yl, minlength=10).float()
    sampler = WeightedRandomSampler((1.0 / freq)[yl], num_samples=args.steps * args.labelled_bs,
                                    replacement=True)
    labelled = DataLoader(TensorDataset(xl, yl), batch_size=args.labelled_bs, sampler=sampler)
    print(f'{len(yl)} labelled, {len(xu)} unlabelled, {len(y_test)} test')

    student = Student()
    teacher = copy.deepcopy(student)
    for q in teacher.parameters():
        q.requires_grad_(False)
    baseline = copy.deepcopy(student)
    opt = torch.optim.AdamW([q for q in student.parameters() if q.requires_grad], lr=args.lr)
    opt_base = torch.optim.AdamW([q for q in baseline.parameters() if q.requires_grad], lr=args.lr)
    schedulers = [torch.optim.lr_scheduler.CosineAnnealingLR(o, T_max=args.steps) for o in (opt, opt_base)]

    for step, (x, y) in enumerate(labelled):
        u = xu[torch.randint(0, len(xu), (args.unlabelled_bs,))]
        both = torch.cat([x, u])

        student.train()
        teacher.train()
        baseline.train()
        logits = student(perturb(both, args.sigma))
        with torch.no_grad():
            target = teacher(perturb(both, args.sigma)).softmax(dim=1)
        sup = F.cross_entropy(logits[:len(x)], y)
        cons = ((logits.softmax(dim=1) - target) ** 2).sum(dim=1).mean()
        weight = args.consistency * ramp_up(step, args.steps // 3)
        (sup + weight * cons).backward()
        opt.step()
        opt.zero_grad()
        update_teacher(teacher, student, min(args.ema, 1 - 1 / (step + 1)))

        F.cross_entropy(baseline(perturb(x, args.sigma)), y).backward()
        opt_base.step()
        opt_base.zero_grad()
        for s in schedulers:
            s.step()

        if (step + 1) % 250 == 0:
            accs = [evaluate(m, x_test, y_test)[1] for m in (student, teacher, baseline)]
            print(f'step {step + 1}: sup {sup.item():.4f} cons {cons.item():.4f} w {weight:.2f} '
                  'student {:.4f} teacher {:.4f} supervised only {:.4f}'.format(*accs))

    for name, m in (('supervised only', baseline), ('student', student), ('teacher', teacher)):
        loss, acc, recall = evaluate(m, x_test, y_test)
        print(f'{name}: test loss {loss:.4f} acc {acc:.4f} mean recall {recall:.4f}')


if __name__ == '__main__':
    main()
