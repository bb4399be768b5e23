"""Sharpness-aware training of a benign/malignant classifier on the breast cancer data.

Every update takes two passes over a batch: one to climb to the worst point
nearby, one to find the gradient there, which the base optimizer then applies at
the original weights.
"""
import torch
import torch.nn as nn
from sklearn.datasets import load_breast_cancer


class SAM(torch.optim.Optimizer):
    """Sharpness-aware minimisation around any other optimizer."""

    def __init__(self, params, base, rho=0.05, **kwargs):
        if rho < 0:
            raise ValueError("rho must not be negative")
        super().__init__(params, dict(rho=rho, **kwargs))
        self.base_optimizer = base(self.param_groups, **kwargs)
        self.param_groups = self.base_optimizer.param_groups
        self.defaults.update(self.base_optimizer.defaults)

    @torch.no_grad()
    def first_step(self, zero_grad=False):
        scale = 1.0 / (self.gradient_norm() + 1e-12)
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                self.state[p]["before"] = p.detach().clone()
                p.add_(p.grad * scale, alpha=group["rho"])
        if zero_grad:
            self.zero_grad()

    @torch.no_grad()
    def second_step(self, zero_grad=False):
        for group in self.param_groups:
            for p in group["params"]:
                if "before" in self.state[p]:
                    p.copy_(self.state[p]["before"])
        self.base_optimizer.step()
        if zero_grad:
            self.zero_grad()

    def step(self, closure=None):
        raise RuntimeError("call first_step and second_step")

    def gradient_norm(self):
        norms = [p.grad.norm() for group in self.param_groups for p in group["params"] if p.grad is not None]
        return torch.stack(norms).norm()


class TumourClassifier(nn.Module):
    def __init__(self, n_features, width=40):
        super().__init__()
        self.embed = nn.Sequential(nn.Linear(n_features, width), nn.LayerNorm(width), nn.GELU())
        self.mixer = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Dropout(0.2))
        self.score = nn.Linear(width, 1)

    def forward(self, x):
        h = self.embed(x)
        h = h + self.mixer(h)
        return self.score(h)


def endless(n, size, generator):
    """Row numbers for batch after batch; every row once before any comes again."""
    while True:
        yield from (rows for rows in torch.randperm(n, generator=generator).split(size) if len(rows) == size)


def load(generator):
    x, y = load_breast_cancer(return_X_y=True)
    x, y = torch.tensor(x).float(), torch.tensor(y).float().unsqueeze(1)
    order = torch.randperm(len(x), generator=generator)
    train, test = order[:400], order[400:]
    mean, std = x[train].mean(0), x[train].std(0)
    x = (x - mean) / std
    return x[train], y[train], x[test], y[test]


def evaluate(model, criterion, x, y):
    model.eval()
    with torch.no_grad():
        logits = model(x)
        loss = criterion(logits, y).item()
        predicted = logits > 0
    sensitivity = (~predicted[y == 0]).float().mean().item()
    return loss, (predicted == y.bool()).float().mean().item(), sensitivity


if __name__ == "__main__":
    torch.manual_seed(23)
    generator = torch.Generator().manual_seed(23)
    x_train, y_train, x_test, y_test = load(generator)
    model = TumourClassifier(x_train.shape[1])
    criterion = nn.BCEWithLogitsLoss()
    optimizer = SAM(model.parameters(), torch.optim.SGD, rho=0.05, lr=0.01, momentum=0.9)

    total_steps, report_every = 160, 20
    stream = endless(len(x_train), 50, generator)
    interval_loss = 0.0
    step = 0
    while step < total_steps:
        rows = next(stream)
        model.train()
        xb, yb = x_train[rows], y_train[rows]
        outputs = model(xb)
        loss = criterion(outputs, yb)
        loss.backward()
        optimizer.first_step(zero_grad=True)
        criterion(model(xb), yb).backward()
        optimizer.second_step(zero_grad=True)
        interval_loss += loss.item()
        step += 1
        if step % report_every == 0:
            test_loss, test_accuracy, sensitivity = evaluate(model, criterion, x_test, y_test)
            print(
                f"step {step:4d} | train {interval_loss / report_every:.4f} | test {test_loss:.4f} "
                f"| accuracy {test_accuracy:.4f} | malignant found {sensitivity:.4f}"
            )
            interval_loss = 0.0
