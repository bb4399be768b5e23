"""30 labelled digits, the rest of the training half without labels."""
import argparse
import itertools

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from teacher import Digits, Teacher, ramp_up
from torch.utils.data import DataLoader, TensorDataset


def perturb(x):
    """The student works under noise, the teacher sees clean pictures."""
    return x + 0.35 * torch.randn_like(x)


def forever(loader):
    while True:
        yield from loader


@torch.no_grad()
def accuracy(net, x, y):
    was = net.training
    net.eval()
    acc = (net(x).argmax(1) == y).float().mean().item()
    net.train(was)
    return acc


def load(n_labels, seed):
    d = load_digits()
    x = torch.tensor(d.data / 16.0, dtype=torch.float32)
    y = torch.tensor(d.target)
    fit, test = train_test_split(range(len(y)), test_size=0.4, stratify=y, random_state=seed)
    labelled, rest = train_test_split(fit, train_size=n_labels, stratify=y[fit], random_state=seed)
    return (x[labelled], y[labelled]), x[rest], (x[test], y[test])


def run(a, consistency, seed):
    torch.manual_seed(seed)
    (x_l, y_l), x_u, (x_t, y_t) = load(a.labels, seed)
    labelled = forever(DataLoader(TensorDataset(x_l, y_l), batch_size=15, shuffle=True, drop_last=True))
    unlabelled = forever(DataLoader(x_u, batch_size=60, shuffle=True, drop_last=True))

    student = Digits()
    teacher = Teacher(student, decay=0.98)
    opt = torch.optim.Adam(student.parameters(), lr=a.lr)
    student.train()
    for step, (xl, yl), xu in zip(itertools.count(), labelled, unlabelled):
        if step == a.steps:
            break
        out = student(torch.cat([perturb(xl), perturb(xu)]))
        supervised = F.cross_entropy(out[:len(xl)], yl)
        guess = teacher(torch.cat([xl, xu]))
        agree = (out.softmax(1) - guess).pow(2).sum(1).mean()
        loss = supervised + consistency * ramp_up(step, a.steps // 2) * agree
        opt.zero_grad()
        loss.backward()
        opt.step()
        teacher.follow(student)
        if (step + 1) % 250 == 0:
            print(f"  step {step + 1:4d}  supervised {supervised.item():.3f}  agreement {agree.item():.4f}  "
                  f"test: student {accuracy(student, x_t, y_t):.3f}  teacher {accuracy(teacher.net, x_t, y_t):.3f}")
    return accuracy(teacher.net, x_t, y_t)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--labels", type=int, default=30)
    p.add_argument("--steps", type=int, default=500)
    p.add_argument("--lr", type=float, default=2e-3)
    p.add_argument("--weight", type=float, default=2.0)
    p.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    a = p.parse_args()
    table = []
    for seed in a.seeds:
        print(f"draw {seed}, labels only")
        without = run(a, 0.0, seed)
        print(f"draw {seed}, with unlabelled digits")
        table.append((without, run(a, a.weight, seed)))
    print("test accuracy of the averaged network")
    for seed, (without, with_) in zip(a.seeds, table):
        print(f"  draw {seed}: {without:.3f} labels only, {with_:.3f} with consistency")
    mean = [sum(col) / len(col) for col in zip(*table)]
    print(f"  mean  : {mean[0]:.3f} labels only, {mean[1]:.3f} with consistency")


if __name__ == "__main__":
    main()
