"""How far has diabetes progressed in a year? An ensemble of small networks behind a thin launcher.

`Fabric` wraps the model, the optimizer and the loaders, as such launchers do; the loop itself stays in `main`.
"""
import torch
import torch.nn as nn
from sklearn.datasets import load_diabetes
from torch.utils.data import DataLoader, TensorDataset


class FabricModule(nn.Module):
    def __init__(self, forward_module, precision):
        super().__init__()
        self._forward_module = forward_module
        self._dtype = precision

    def forward(self, *args):
        args = [a.to(self._dtype) if a.is_floating_point() else a for a in args]
        return self._forward_module(*args).float()

    def __getattr__(self, name):
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(super().__getattr__("_forward_module"), name)


class FabricOptimizer:
    """Stands in for the optimizer and passes everything on."""

    def __init__(self, optimizer):
        self.optimizer = optimizer

    @property
    def param_groups(self):
        return self.optimizer.param_groups

    def step(self):
        self.optimizer.step()

    def zero_grad(self, set_to_none=True):
        self.optimizer.zero_grad(set_to_none=set_to_none)


class FabricLoader:
    def __init__(self, loader, device):
        self.loader, self.device = loader, device

    def __len__(self):
        return len(self.loader)

    def __iter__(self):
        for batch in self.loader:
            yield [t.to(self.device, non_blocking=True) for t in batch]


class Fabric:
    def __init__(self, device="cpu", precision=torch.float64):
        self.device, self.precision = torch.device(device), precision

    def setup(self, model, optimizer):
        return FabricModule(model.to(self.device, self.precision), self.precision), FabricOptimizer(optimizer)

    def setup_dataloaders(self, *loaders):
        return [FabricLoader(loader, self.device) for loader in loaders]

    def backward(self, loss):
        loss.backward()

    def clip_gradients(self, module, max_norm):
        return nn.utils.clip_grad_norm_(module.parameters(), max_norm)


class Ensemble(nn.Module):
    """Five networks in one: their weights lie in one tensor, and every member has its own noise."""

    def __init__(self, columns, members=5, width=16):
        super().__init__()
        self.w1 = nn.Parameter(torch.randn(members, columns, width) * columns**-0.5)
        self.b1 = nn.Parameter(torch.zeros(members, 1, width))
        self.w2 = nn.Parameter(torch.randn(members, width, 1) * width**-0.5)
        self.b2 = nn.Parameter(torch.zeros(members, 1, 1))
        self.drop = nn.Dropout(0.1)

    def forward(self, x):
        h = self.drop(torch.tanh(torch.baddbmm(self.b1, x.expand(len(self.w1), -1, -1), self.w1)))
        return torch.baddbmm(self.b2, h, self.w2).squeeze(-1)


def load():
    x, y = load_diabetes(return_X_y=True, scaled=False)
    x, y = torch.tensor(x, dtype=torch.float32), torch.tensor(y, dtype=torch.float32)
    order = torch.randperm(len(x))
    x, y = x[order], y[order]
    x = (x - x[:330].mean(0)) / x[:330].std(0)
    mean, std = y[:330].mean(), y[:330].std()
    return TensorDataset(x[:330], (y[:330] - mean) / std), TensorDataset(x[330:], (y[330:] - mean) / std), std.item()


def main(epochs=24):
    torch.manual_seed(44)
    fabric = Fabric()
    train_set, test_set, scale = load()
    model = Ensemble(columns=10)
    optimizer = torch.optim.Adagrad(model.parameters(), lr=0.05)
    model, optimizer = fabric.setup(model, optimizer)
    train_loader, test_loader = fabric.setup_dataloaders(
        DataLoader(train_set, batch_size=33, shuffle=True, drop_last=True), DataLoader(test_set, batch_size=56)
    )
    for epoch in range(1, epochs + 1):
        model.train()
        total = 0.0
        for x, y in train_loader:
            predictions = model(x)
            loss = (predictions - y).square().mean(dim=1).sum()
            fabric.backward(loss)
            fabric.clip_gradients(model, 20.0)
            optimizer.step()
            optimizer.zero_grad()
            total += loss.item() / len(predictions)
        if epoch % 6:
            continue
        model.eval()
        errors, spread = [], []
        with torch.no_grad():
            for x, y in test_loader:
                predictions = model(x)
                errors.append((predictions.mean(0) - y).abs())
                spread.append(predictions.std(0))
        error, spread = torch.cat(errors).mean().item() * scale, torch.cat(spread).mean().item() * scale
        print(f"epoch {epoch}: train {total / len(train_loader):.3f}, members differ by {spread:.1f}, test error {error:.1f}")


if __name__ == "__main__":
    main()
