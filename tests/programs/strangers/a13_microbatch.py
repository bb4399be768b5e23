"""Simulating batch 64 with micro-batches of 16 (the lab GPU is tiny)."""
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, Subset, TensorDataset

MICRO = 16
ACCUM = 4


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(),
            nn.Conv2d(16, 24, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        )
        self.clf = nn.Sequential(nn.Flatten(), nn.Linear(24 * 16, 48), nn.ReLU(), nn.Linear(48, 10))

    def forward(self, x):
        return self.clf(self.conv(x))


class Learner:
    def __init__(self, model, lr, accum):
        self.model = model
        self.accum = accum
        self.criterion = nn.CrossEntropyLoss()
        self.optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)

    def forward_backward(self, x, y):
        self.optimizer.zero_grad()
        loss = self.criterion(self.model(x), y)
        (loss / self.accum).backward()
        return loss.item()

    def fit_epoch(self, loader):
        self.model.train()
        total, updates = 0.0, 0
        for i, (x, y) in enumerate(loader, start=1):
            total += self.forward_backward(x, y)
            if i % self.accum == 0:
                self.optimizer.step()
                updates += 1
        return total / len(loader), updates

    @torch.no_grad()
    def test(self, loader):
        self.model.eval()
        good = 0
        for x, y in loader:
            good += (self.model(x).argmax(-1) == y).sum().item()
        return good / len(loader.dataset)


def data():
    d = load_digits()
    x = torch.from_numpy(d.images).float().unsqueeze(1).div(8).sub(0.6)
    y = torch.from_numpy(d.target)
    ds = TensorDataset(x, y)
    order = torch.randperm(len(ds), generator=torch.Generator().manual_seed(0)).tolist()
    n_train = MICRO * ACCUM * 22            # whole groups only, nothing left over
    train = DataLoader(Subset(ds, order[:n_train]), batch_size=MICRO, shuffle=True)
    test = DataLoader(Subset(ds, order[n_train:]), batch_size=128)
    return train, test


def main():
    torch.manual_seed(0)
    train, test = data()
    learner = Learner(Net(), lr=0.05, accum=ACCUM)
    for epoch in range(5):
        loss, updates = learner.fit_epoch(train)
        print(f"epoch {epoch + 1}  loss {loss:.4f}  updates {updates}  test acc {learner.test(test):.4f}")


main()
