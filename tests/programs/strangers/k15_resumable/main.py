import os
import sys
import tempfile

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from trainer import Trainer, accuracy  # noqa: E402

EPOCHS, STOP_AT = 10, 4


class MixerBlock(nn.Module):
    def __init__(self, tokens, width):
        super().__init__()
        self.n1, self.n2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.tok = nn.Sequential(nn.Linear(tokens, 32), nn.GELU(), nn.Linear(32, tokens))
        self.ch = nn.Sequential(nn.Linear(width, 96), nn.GELU(), nn.Dropout(0.1), nn.Linear(96, width))

    def forward(self, x):
        x = x + self.tok(self.n1(x).transpose(1, 2)).transpose(1, 2)
        return x + self.ch(self.n2(x))


class Mixer(nn.Module):
    def __init__(self, width=48, depth=3):
        super().__init__()
        self.patch = nn.Conv2d(1, width, 2, stride=2)
        self.blocks = nn.Sequential(*[MixerBlock(16, width) for _ in range(depth)])
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, 10)

    def forward(self, x):
        x = self.patch(x).flatten(2).transpose(1, 2)
        return self.head(self.norm(self.blocks(x)).mean(1))


def data():
    X, y = load_digits(return_X_y=True)
    X = torch.tensor(X, dtype=torch.float32).view(-1, 1, 8, 8) / 8 - 1
    return train_test_split(X, torch.tensor(y), test_size=0.3, stratify=y, random_state=0)


def build(xtr, ytr):
    torch.manual_seed(31)
    gen = torch.Generator().manual_seed(32)
    loader = DataLoader(TensorDataset(xtr, ytr), batch_size=24, shuffle=True, generator=gen)
    return Trainer(Mixer(), loader, gen, EPOCHS, accum=3, lr=6e-3)


def main():
    xtr, xte, ytr, yte = data()
    path = os.path.join(tempfile.mkdtemp(), "last.pt")
    first = build(xtr, ytr)
    print("-- first part")
    first.run(STOP_AT)
    first.save(path)

    print("-- resumed from the file, in a new process as far as torch can tell")
    second = build(xtr, ytr).load(path)
    second.run(EPOCHS)

    print("-- the run that was never stopped")
    third = build(xtr, ytr)
    third.run(EPOCHS)
    gap = max((a - b).abs().max().item() for a, b in zip(second.model.parameters(), third.model.parameters()))
    print(f"largest difference between resumed and straight weights: {gap:.1e}")
    print(f"test accuracy {accuracy(second.model, xte, yte):.4f}, averaged weights {accuracy(second.ema, xte, yte):.4f}")


if __name__ == "__main__":
    main()
