"""Mean teacher (Tarvainen & Valpola 2017), small edition."""
import copy

import torch
from torch import nn


class Digits(nn.Module):
    def __init__(self, classes=10, w=128):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(64, w), nn.BatchNorm1d(w), nn.ReLU(), nn.Dropout(0.2),
            nn.Linear(w, w // 2), nn.BatchNorm1d(w // 2), nn.ReLU(),
            nn.Linear(w // 2, classes))

    def forward(self, x):
        return self.net(x)


class Teacher:
    """Exponential average of the student; never sees a gradient."""

    def __init__(self, student, decay):
        self.net = copy.deepcopy(student).eval()
        for p in self.net.parameters():
            p.requires_grad_(False)
        self.decay = decay
        self.updates = 0

    @torch.no_grad()
    def follow(self, student):
        self.updates += 1
        d = min(self.decay, 1 - 1 / (self.updates + 1))
        target, source = self.net.state_dict(), student.state_dict()
        for name, t in target.items():
            if t.dtype.is_floating_point:
                t.lerp_(source[name], 1 - d)
            else:
                t.copy_(source[name])

    @torch.no_grad()
    def __call__(self, x):
        return self.net(x).softmax(1)


def ramp_up(step, length):
    if step >= length:
        return 1.0
    phase = 1 - step / length
    return float(torch.exp(torch.tensor(-5.0 * phase * phase)))
