"""Deep residual MLP with micro-batches, bf16 autocast and restartable training.

The job is killed after a few epochs (simulated) and continued from its checkpoint.
"""
import argparse
import os
import random
import tempfile

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset


class ScaledBlock(nn.Module):
    """x + alpha * f(x), alpha starts at zero."""

    def __init__(self, dim):
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.fc1 = nn.Linear(dim, dim)
        self.fc2 = nn.Linear(dim, dim)
        self.alpha = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        return x + self.alpha * self.fc2(F.gelu(self.fc1(self.norm(x))))


class DeepNet(nn.Module):
    def __init__(self, in_dim, dim, depth, classes):
        super().__init__()
        self.stem = nn.Linear(in_dim, dim)
        self.blocks = nn.Sequential(*[ScaledBlock(dim) for _ in range(depth)])
        self.norm = nn.LayerNorm(dim)
        self.head = nn.Linear(dim, classes)
        nn.init.zeros_(self.head.weight)

    def forward(self, x):
        return self.head(self.norm(self.blocks(self.stem(x))))


def param_groups(model, weight_decay):
    decay, no_decay = [], []
    for p in model.parameters():
        (decay if p.ndim >= 2 else no_decay).append(p)
    return [{'params': decay, 'weight_decay': weight_decay},
            {'params': no_decay, 'weight_decay': 0.0}]


def loaders(args):
    x, y = load_digits(return_X_y=True)
    x_tr, x_te, y_tr, y_te = train_test_split(x, y, test_size=0.3, stratify=y,
                                              random_state=args.seed)
    mu, sd = x_tr.mean(0), x_tr.std(0) + 1e-3
    mk = lambda a, b: TensorDataset(torch.tensor((a - mu) / sd, dtype=torch.float32).clamp(-5, 5),
                                    torch.tensor(b))
    return (DataLoader(mk(x_tr, y_tr), batch_size=args.batch_size, shuffle=True),
            DataLoader(mk(x_te, y_te), batch_size=540))


def build(args):
    model = DeepNet(64, args.dim, args.depth, 10)
    optimizer = torch.optim.AdamW(param_groups(model, args.weight_decay), lr=args.lr)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(
        optimizer, T_0=args.cycle, T_mult=2, eta_min=args.lr * 0.01)
    return model, optimizer, scheduler


def save(path, epoch, model, optimizer, scheduler):
    torch.save({'epoch': epoch, 'model': model.state_dict(), 'optimizer': optimizer.state_dict(),
                'scheduler': scheduler.state_dict(), 'torch_rng': torch.get_rng_state(),
                'python_rng': random.getstate()}, path + '.tmp')
    os.replace(path + '.tmp', path)


def load(path, model, optimizer, scheduler):
    ckpt = torch.load(path, weights_only=False)
    model.load_state_dict(ckpt['model'])
    optimizer.load_state_dict(ckpt['optimizer'])
    scheduler.load_state_dict(ckpt['scheduler'])
    torch.set_rng_state(ckpt['torch_rng'])
    random.setstate(ckpt['python_rng'])
    return ckpt['epoch'] + 1


def train_epoch(args, model, loader, optimizer, scheduler, epoch):
    model.train()
    total = 0.0
    for i, (x, y) in enumerate(loader):
        for xm, ym in zip(x.split(args.micro_batch), y.split(args.micro_batch)):
            with torch.autocast('cpu', dtype=torch.bfloat16, enabled=not args.fp32):
                logits = model(xm)
            loss = F.cross_entropy(logits.float(), ym, reduction='sum', label_smoothing=0.05) / len(x)
            loss.backward()
            total += loss.item() * len(x)
        nn.utils.clip_grad_value_(model.parameters(), args.clip_value)
        optimizer.step()
        optimizer.zero_grad()
        scheduler.step(epoch + (i + 1) / len(loader))
    return total / len(loader.dataset)


@torch.no_grad()
def evaluate(model, loader):
    model.eval()
    loss, hits, n = 0.0, 0, 0
    for x, y in loader:
        logits = model(x)
        loss += F.cross_entropy(logits, y, reduction='sum').item()
        hits += (logits.argmax(1) == y).sum().item()
        n += len(y)
    return loss / n, hits / n


def run(args, path, stop_after=None):
    train_loader, test_loader = loaders(args)
    model, optimizer, scheduler = build(args)
    first = load(path, model, optimizer, scheduler) if os.path.exists(path) else 0
    print(f'starting at epoch {first}')
    for epoch in range(first, args.epochs):
        loss = train_epoch(args, model, train_loader, optimizer, scheduler, epoch)
        test_loss, test_acc = evaluate(model, test_loader)
        print(f'epoch {epoch:2d} lr {scheduler.get_last_lr()[0]:.5f} train {loss:.4f} '
              f'test {test_loss:.4f} acc {test_acc:.4f}')
        save(path, epoch, model, optimizer, scheduler)
        if stop_after is not None and epoch == stop_after:
            print('preempted')
            return None
    return test_loss, test_acc


def main():
    p = argparse.ArgumentParser()
    p.add_argument('--epochs', type=int, default=14)
    p.add_argument('--batch-size', type=int, default=128)
    p.add_argument('--micro-batch', type=int, default=48)
    p.add_argument('--dim', type=int, default=64)
    p.add_argument('--depth', type=int, default=24)
    p.add_argument('--lr', type=float, default=3e-3)
    p.add_argument('--weight-decay', type=float, default=0.02)
    p.add_argument('--clip-value', type=float, default=0.1)
    p.add_argument('--cycle', type=int, default=2)
    p.add_argument('--fp32', action='store_true')
    p.add_argument('--seed', type=int, default=0)
    args = p.parse_args()

    random.seed(args.seed)
    np.random.seed(args.seed)
    torch.manual_seed(args.seed)
    with tempfile.TemporaryDirectory() as tmp:
        path = os.path.join(tmp, 'last.pt')
        run(args, path, stop_after=4)
        loss, acc = run(args, path)
    print(f'final test loss {loss:.4f} accuracy {acc:.4f}')


if __name__ == '__main__':
    main()
