"""Tells wave forms apart with few labels: student and averaged teacher.

Noisy sine, square, sawtooth and triangle waves; only 64 of 640 training waves
carry a label (the others are marked -1).  The student fits the labels and also
agrees with the teacher, an exponential average of itself, which sees the same
waves with other noise and its dropout switched on.
"""
import copy
import math
import random
from collections import defaultdict

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, Dataset

KINDS = ["sine", "square", "sawtooth", "triangle"]
LENGTH = 40


def wave(kind, rng):
    """One wave of random period and phase."""
    period = rng.uniform(12, 26)
    start = rng.uniform(0, period)
    turn = torch.tensor([((i + start) / period) % 1.0 for i in range(LENGTH)])
    if kind == "sine":
        return torch.sin(2 * math.pi * turn)
    if kind == "square":
        return torch.where(turn < 0.5, 1.0, -1.0)
    if kind == "sawtooth":
        return 2 * turn - 1
    return 4 * (turn - 0.5).abs() - 1


class Waves(Dataset):
    def __init__(self, count, labelled, seed):
        rng = random.Random(seed)
        noise = torch.Generator().manual_seed(seed)
        self.kinds = [i % len(KINDS) for i in range(count)]
        clean = torch.stack([wave(KINDS[k], rng) for k in self.kinds])
        self.signals = clean + 0.25 * torch.randn(clean.shape, generator=noise)
        self.targets = [k if i < labelled else -1 for i, k in enumerate(self.kinds)]

    def __len__(self):
        return len(self.signals)

    def __getitem__(self, index):
        return self.signals[index].unsqueeze(0), self.targets[index]


class WaveNet(nn.Module):
    def __init__(self, channels=24):
        super().__init__()
        self.stages = nn.ModuleList(
            [
                nn.Conv1d(1, channels, kernel_size=7, padding=3, stride=2),
                nn.Conv1d(channels, channels, kernel_size=5, padding=2, stride=2),
            ]
        )
        self.norms = nn.ModuleList([nn.GroupNorm(4, channels) for _ in range(2)])
        self.context = nn.Conv1d(channels, channels, kernel_size=3, padding=1)
        self.drop = nn.Dropout(0.2)
        self.head = nn.Linear(2 * channels, len(KINDS))

    def forward(self, x):
        for stage, norm in zip(self.stages, self.norms):
            x = F.silu(norm(stage(x)))
        x = x + F.silu(self.context(x))
        x = torch.cat([x.mean(dim=-1), x.amax(dim=-1)], dim=1)
        return self.head(self.drop(x))


@torch.no_grad()
def follow(teacher, student, decay):
    for slow, fast in zip(teacher.parameters(), student.parameters()):
        slow.lerp_(fast, 1 - decay)


def labelled_loss(logits, labels):
    """Mean cross entropy over the rows that have a label; a batch may have none."""
    known = labels >= 0
    each = F.cross_entropy(logits, labels.clamp(min=0), reduction="none")
    return (each * known).sum() / known.sum().clamp(min=1)


def accuracy(model, loader):
    was_training = model.training
    model.eval()
    hits = total = 0
    with torch.no_grad():
        for signals, labels in loader:
            hits += (model(signals).argmax(dim=1) == labels).sum().item()
            total += len(labels)
    model.train(was_training)
    return hits / total


def blurred(signals):
    return signals * (1 + 0.1 * torch.randn(len(signals), 1, 1)) + 0.1 * torch.randn_like(signals)


torch.manual_seed(29)
train_loader = DataLoader(Waves(640, labelled=64, seed=1), batch_size=32, shuffle=True)
test_loader = DataLoader(Waves(300, labelled=300, seed=2), batch_size=100)

student = WaveNet()
teacher = copy.deepcopy(student).requires_grad_(False)
teacher.train()
optimizer = torch.optim.NAdam(student.parameters(), lr=5e-3)
updates = 0

for epoch in range(8):
    sums = defaultdict(float)
    ramp = min(1.0, (epoch + 1) / 4)
    for signals, labels in train_loader:
        logits = student(blurred(signals))
        with torch.no_grad():
            aim = teacher(blurred(signals)).softmax(dim=1)
        supervised = labelled_loss(logits, labels)
        consistency = (logits.softmax(dim=1) - aim).square().sum(dim=1).mean()
        loss = supervised + 2.0 * ramp * consistency
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=False)
        updates += 1
        follow(teacher, student, decay=min(0.97, updates / (updates + 10)))
        sums["loss"] += loss.item()
        sums["consistency"] += consistency.item()
    shown = "  ".join(f"{name} {value / len(train_loader):.4f}" for name, value in sums.items())
    print(f"{epoch:2d}  {shown}  student {accuracy(student, test_loader):.4f}  teacher {accuracy(teacher, test_loader):.4f}")
