"""Two tasks on one trunk whose gradients may disagree: project away the conflict before the step (PCGrad).

Each task's gradient comes from `autograd.grad`; the combined one is written into `.grad`.
"""
import random

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_diabetes
from torch.utils.data import DataLoader, TensorDataset


class PCGrad:
    """Wraps an optimizer; `backward` takes a list of losses instead of one."""

    def __init__(self, optimizer, seed=0):
        self._optim = optimizer
        self._rng = random.Random(seed)
        self.conflicts = self.calls = 0

    def zero_grad(self):
        self._optim.zero_grad(set_to_none=True)

    def step(self):
        self._optim.step()

    def backward(self, objectives):
        params = [p for g in self._optim.param_groups for p in g["params"]]
        flat = []
        for i, objective in enumerate(objectives):
            grads = torch.autograd.grad(objective, params, retain_graph=i < len(objectives) - 1, allow_unused=True)
            flat.append(torch.cat([(torch.zeros_like(p) if g is None else g).flatten() for p, g in zip(params, grads)]))
        merged = torch.zeros_like(flat[0])
        for i, mine in enumerate(flat):
            mine = mine.clone()
            others = [g for j, g in enumerate(flat) if j != i]
            self._rng.shuffle(others)
            for other in others:
                dot = mine @ other
                self.calls += 1
                if dot < 0:
                    self.conflicts += 1
                    mine -= dot / other.norm() ** 2 * other
            merged += mine
        start = 0
        for p in params:
            p.grad = merged[start : start + p.numel()].view_as(p)
            start += p.numel()


class TwoTasks(nn.Module):
    def __init__(self, width=32):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(9, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU())
        self.progress = nn.Linear(width, 1)
        self.sex = nn.Linear(width, 1)

    def forward(self, x):
        h = self.trunk(x)
        return self.progress(h).squeeze(1), self.sex(h).squeeze(1)


def load(seed):
    x, y = load_diabetes(return_X_y=True)
    x, y = torch.tensor(x, dtype=torch.float32) * 20, torch.tensor(y, dtype=torch.float32)
    sex = (x[:, 1] > 0).float()
    x = x[:, [0, 2, 3, 4, 5, 6, 7, 8, 9]]
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(seed))
    y = (y - y[order[:340]].mean()) / y[order[:340]].std()
    data = TensorDataset(x, y, sex)
    return torch.utils.data.Subset(data, order[:340].tolist()), torch.utils.data.Subset(data, order[340:].tolist())


def evaluate(model, test_set):
    x, y, sex = next(iter(DataLoader(test_set, batch_size=len(test_set))))
    model.eval()
    with torch.no_grad():
        progress, logit = model(x)
    model.train()
    r2 = 1 - F.mse_loss(progress, y) / y.var()
    return r2.item(), ((logit > 0) == sex.bool()).float().mean().item()


torch.manual_seed(36)
train_set, test_set = load(36)
model = TwoTasks()
optimizer = PCGrad(torch.optim.Adam(model.parameters(), lr=2e-3, weight_decay=1e-3))
for epoch in range(1, 13):
    sums = torch.zeros(2)
    for x, y, sex in DataLoader(train_set, batch_size=34, shuffle=True):
        progress, logit = model(x)
        losses = [F.mse_loss(progress, y), F.binary_cross_entropy_with_logits(logit, sex)]
        optimizer.zero_grad()
        optimizer.backward(losses)
        optimizer.step()
        sums += torch.stack(losses).detach()
    if epoch % 4 == 0:
        r2, accuracy = evaluate(model, test_set)
        share = optimizer.conflicts / optimizer.calls
        print(f"epoch {epoch}: losses {sums[0] / 10:.3f} {sums[1] / 10:.3f} conflicts {share:.2f} R2 {r2:.3f} accuracy {accuracy:.3f}")
