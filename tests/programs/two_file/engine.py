"""The engine: owns the two optimizers and knows how an epoch is run."""

import torch
import torch.nn.functional as F

UNKNOWN = -1


def task_losses(outputs, targets):
    known = targets["loops"] != UNKNOWN
    loops = F.cross_entropy(outputs["loops"], targets["loops"].clamp(min=0), reduction="none")
    return {
        "digit": F.nll_loss(outputs["digit"], targets["digit"]),
        "loops": (loops * known).sum() / known.sum().clamp(min=1),
        "ink": F.smooth_l1_loss(outputs["ink"], targets["ink"]),
    }


class Engine:
    def __init__(self, model, lr, head_lr, half=False):
        self.model = model
        self.weights = {"digit": 1.0, "loops": 0.3, "ink": 1.0}
        self.trunk_optimizer = torch.optim.AdamW(model.trunk.parameters(), lr=lr)
        self.head_optimizer = torch.optim.AdamW(model.heads.parameters(), lr=head_lr)
        self.scaler = torch.amp.GradScaler("cpu", enabled=half)
        self.history = []

    def fit(self, loader, held_out, epochs):
        for epoch in range(epochs):
            losses = self.train_epoch(loader)
            metrics = self.evaluate(held_out)
            self.history.append({"epoch": epoch, **losses, **metrics})
            self.report(self.history[-1])
        return self.history

    def train_epoch(self, loader):
        self.model.train()
        totals = dict.fromkeys(self.weights, 0.0)
        for images, targets in loader:
            outputs = self.model(images)
            losses = task_losses(outputs, targets)
            total = sum(weight * losses[task] for task, weight in self.weights.items())
            self.trunk_optimizer.zero_grad()
            self.head_optimizer.zero_grad()
            self.scaler.scale(total).backward()
            self.scaler.step(self.trunk_optimizer)
            self.scaler.step(self.head_optimizer)
            self.scaler.update()
            for task in totals:
                totals[task] += losses[task].item()
        return {task: value / len(loader) for task, value in totals.items()}

    def evaluate(self, loader):
        self.model.eval()
        right, loops_right, off, count = 0, 0, 0.0, 0
        with torch.no_grad():
            for images, targets in loader:
                outputs = self.model(images)
                right += (outputs["digit"].argmax(1) == targets["digit"]).sum().item()
                loops_right += (outputs["loops"].argmax(1) == targets["loops"]).sum().item()
                off += (outputs["ink"] - targets["ink"]).abs().sum().item()
                count += len(images)
        return {"accuracy": right / count, "loops_accuracy": loops_right / count, "ink_error": off / count}

    def report(self, row):
        print("  ".join(f"{name} {value:.3f}" if isinstance(value, float) else f"{name} {value}" for name, value in row.items()))
