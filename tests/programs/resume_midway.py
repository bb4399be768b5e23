"""Is a line Python or English? Trains a character GRU, is interrupted, and goes on from its checkpoint.

Both halves of the run start from nothing but the file: model, optimizer, schedule and the state of the random number generators.
"""
import inspect
import os
import random
import tempfile
import textwrap

import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset

LONGEST = 32


class Lines(Dataset):
    """Lines of the standard library: code on one side, prose of the licences and docstrings on the other."""

    def __init__(self, lines):
        self.lines = lines

    def __len__(self):
        return len(self.lines)

    def __getitem__(self, index):
        text, label = self.lines[index]
        codes = [min(ord(c), 127) for c in text[:LONGEST]]
        return torch.tensor(codes + [0] * (LONGEST - len(codes))), float(label)


def collect(seed, per_class=900):
    import argparse
    import ast
    import collections
    import statistics
    import subprocess

    code, prose = [], []
    for module in (argparse, collections, statistics, subprocess, textwrap, random, inspect):
        source = inspect.getsource(module)
        documents = [ast.get_docstring(n) for n in ast.walk(ast.parse(source)) if isinstance(n, (ast.FunctionDef, ast.ClassDef, ast.Module))]
        documents = [d for d in documents if d]
        words = set("\n".join(documents).splitlines())
        prose += [line.strip() for d in documents for line in d.splitlines() if len(line.split()) > 3]
        code += [s for line in source.splitlines() if len(s := line.strip()) > 8 and not s.startswith("#") and s not in words]
    chosen = random.Random(seed)
    code, prose = chosen.sample(code, per_class), chosen.sample(prose, min(per_class, len(prose)))
    lines = [(line, 1) for line in code] + [(line, 0) for line in prose]
    chosen.shuffle(lines)
    return lines


class LineClassifier(nn.Module):
    def __init__(self, embed=16, hidden=24):
        super().__init__()
        self.embed = nn.Embedding(128, embed)
        self.rnn = nn.GRU(embed, hidden, batch_first=True)
        self.drop = nn.Dropout(0.2)
        self.out = nn.Linear(hidden, 1)

    def forward(self, codes):
        states, _ = self.rnn(self.embed(codes))
        return self.out(self.drop(states.amax(dim=1))).squeeze(1)


def build(steps):
    model = LineClassifier()
    optimizer = torch.optim.RAdam(model.parameters(), lr=1e-2)
    scheduler = torch.optim.lr_scheduler.PolynomialLR(optimizer, total_iters=steps, power=0.9)
    return model, optimizer, scheduler


def save_checkpoint(path, model, optimizer, scheduler, epoch):
    torch.save(
        {
            "epoch": epoch,
            "model": model.state_dict(),
            "optimizer": optimizer.state_dict(),
            "scheduler": scheduler.state_dict(),
            "rng": torch.get_rng_state(),
        },
        path,
    )


def load_checkpoint(path, model, optimizer, scheduler):
    checkpoint = torch.load(path, weights_only=True)
    model.load_state_dict(checkpoint["model"])
    optimizer.load_state_dict(checkpoint["optimizer"])
    scheduler.load_state_dict(checkpoint["scheduler"])
    torch.set_rng_state(checkpoint["rng"])
    return checkpoint["epoch"]


def accuracy(model, loader):
    model.eval()
    with torch.no_grad():
        return sum(((model(x) > 0) == y.bool()).sum().item() for x, y in loader) / len(loader.dataset)


def train(path, until, total_epochs, train_loader, test_loader):
    model, optimizer, scheduler = build(total_epochs * len(train_loader))
    start = load_checkpoint(path, model, optimizer, scheduler) if os.path.exists(path) else 0
    print(f"{'resuming' if start else 'starting'} at epoch {start}, learning rate {scheduler.get_last_lr()[0]:.5f}")
    criterion = nn.BCEWithLogitsLoss()
    for epoch in range(start, until):
        model.train()
        losses = 0.0
        for codes, label in train_loader:
            optimizer.zero_grad()
            loss = criterion(model(codes), label.float())
            loss.backward()
            optimizer.step()
            scheduler.step()
            losses += loss.item()
        save_checkpoint(path, model, optimizer, scheduler, epoch + 1)
        print(f"epoch {epoch}: loss {losses / len(train_loader):.4f} accuracy {accuracy(model, test_loader):.3f}")


if __name__ == "__main__":
    torch.manual_seed(50)
    lines = collect(seed=50)
    cut = len(lines) * 4 // 5
    train_loader = DataLoader(Lines(lines[:cut]), batch_size=48, shuffle=True)
    test_loader = DataLoader(Lines(lines[cut:]), batch_size=128)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "last.pt")
        train(path, 2, 5, train_loader, test_loader)  # the machine goes down after two epochs
        train(path, 5, 5, train_loader, test_loader)
