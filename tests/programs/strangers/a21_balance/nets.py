import torch
from torch import nn


class Shared(nn.Module):
    """One trunk, three outputs: shape class, centre, area."""

    def __init__(self, width=12):
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(1, width, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(width, 2 * width, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        )
        self.last_shared = nn.Linear(2 * width * 36, 64)
        self.kind = nn.Linear(64, 3)
        self.centre = nn.Linear(64, 2)
        self.area = nn.Linear(64, 1)

    def forward(self, x):
        h = torch.relu(self.last_shared(self.stem(x)))
        return self.kind(h), self.centre(h), self.area(h).squeeze(1)


class Balancer:
    """Task weights that pull the tasks' gradients at the shared layer towards equal size."""

    def __init__(self, n, momentum=0.9):
        self.w = torch.ones(n)
        self.m = momentum

    def __call__(self, losses, shared):
        norms = []
        for l in losses:
            (g,) = torch.autograd.grad(l, shared, retain_graph=True)
            norms.append(g.norm())
        norms = torch.stack(norms)
        target = (norms.mean() / (norms + 1e-8)).sqrt()
        self.w.mul_(self.m).add_(target * (len(losses) / target.sum()), alpha=1 - self.m)
        return sum(w * l for w, l in zip(self.w.tolist(), losses))
