import copy

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset, random_split


class WeightAverager:
    """Exponential moving average of a model, used for evaluation only."""

    def __init__(self, model, decay=0.97):
        self.decay = decay
        self.shadow = copy.deepcopy(model)
        self.shadow.eval()
        for p in self.shadow.parameters():
            p.requires_grad_(False)

    @torch.no_grad()
    def update(self, model):
        for s, p in zip(self.shadow.parameters(), model.parameters()):
            s.mul_(self.decay).add_(p, alpha=1 - self.decay)


class ResidualUnit(nn.Module):
    def __init__(self, ch):
        super().__init__()
        self.conv1 = nn.Conv2d(ch, ch, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(ch)
        self.conv2 = nn.Conv2d(ch, ch, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(ch)

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        return F.relu(x + self.bn2(self.conv2(y)))


class DigitNet(nn.Module):
    def __init__(self, ch=16, n_cls=10):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, ch, 3, padding=1, bias=False), nn.BatchNorm2d(ch), nn.ReLU())
        self.unit1 = ResidualUnit(ch)
        self.pool = nn.MaxPool2d(2)
        self.unit2 = ResidualUnit(ch)
        self.fc = nn.Linear(ch * 16, n_cls)

    def forward(self, x):
        x = self.unit2(self.pool(self.unit1(self.stem(x))))
        return self.fc(x.flatten(1))


class Trainer:
    def __init__(self, model, train_loader, valid_loader, lr=0.03):
        self.model = model
        self.ema = WeightAverager(model)
        self.train_loader = train_loader
        self.valid_loader = valid_loader
        self.opt = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9, weight_decay=5e-4, nesterov=True)

    def train_epoch(self):
        self.model.train()
        total = 0.0
        for xb, yb in self.train_loader:
            loss = F.cross_entropy(self.model(xb), yb)
            self.opt.zero_grad(set_to_none=True)
            loss.backward()
            self.opt.step()
            self.ema.update(self.model)
            total += loss.item() * len(yb)
        return total / len(self.train_loader.dataset)

    @torch.no_grad()
    def evaluate(self):
        net = self.ema.shadow
        ok = n = 0
        loss = 0.0
        for xb, yb in self.valid_loader:
            out = net(xb)
            loss += F.cross_entropy(out, yb, reduction="sum").item()
            ok += (out.argmax(1) == yb).sum().item()
            n += len(yb)
        return loss / n, ok / n

    def fit(self, epochs):
        for e in range(1, epochs + 1):
            tr = self.train_epoch()
            vl, va = self.evaluate()
            print(f"epoch {e}  train {tr:.4f}  valid {vl:.4f}  acc {va:.4f}")


if __name__ == "__main__":
    torch.manual_seed(42)
    digits = load_digits()
    x = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1)
    x = (x / 16 - 0.3) / 0.37
    full = TensorDataset(x, torch.tensor(digits.target))
    tr, va = random_split(full, [1437, 360], generator=torch.Generator().manual_seed(42))
    trainer = Trainer(
        DigitNet(),
        DataLoader(tr, batch_size=32, shuffle=True),
        DataLoader(va, batch_size=120),
    )
    trainer.fit(6)
