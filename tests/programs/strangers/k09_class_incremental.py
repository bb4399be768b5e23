"""Class-incremental digits: two new classes at a time, a growing head, a slow trunk and a small rehearsal memory."""
import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

TASKS = [(0, 1), (2, 3), (4, 5), (6, 7), (8, 9)]
EPOCHS = 12
MEM_PER_CLASS = 15


class Trunk(nn.Module):
    def __init__(self, width=128):
        super().__init__()
        self.conv = nn.Sequential(nn.Conv2d(1, 24, 3, padding=1), nn.ReLU(), nn.Conv2d(24, 32, 3, padding=1),
                                  nn.ReLU(), nn.MaxPool2d(2))
        self.fc = nn.Linear(32 * 16, width)

    def forward(self, x):
        return F.relu(self.fc(self.conv(x).flatten(1)))


class GrowingNet(nn.Module):
    def __init__(self, width=128):
        super().__init__()
        self.width = width
        self.trunk = Trunk(width)
        self.head = nn.Linear(width, 2)
        self.seen = [0, 1]

    def grow(self, classes):
        old = self.head
        new = nn.Linear(self.width, old.out_features + len(classes))
        with torch.no_grad():
            new.weight[:old.out_features] = old.weight
            new.bias[:old.out_features] = old.bias
        self.head = new
        self.seen = self.seen + list(classes)

    def forward(self, x):
        return self.head(self.trunk(x))


class Memory:
    """Herding: for each class, the images whose running mean is nearest to the class mean in feature space."""

    def __init__(self, per_class):
        self.per_class = per_class
        self.x, self.y = [], []

    @torch.no_grad()
    def store(self, net, x, y, classes):
        net.eval()
        for c in classes:
            xc = x[y == c]
            f = F.normalize(net.trunk(xc), dim=1)
            mean, total, picked = f.mean(0), torch.zeros(f.shape[1]), []
            for k in range(self.per_class):
                d = (mean - (total + f) / (k + 1)).norm(dim=1)
                d[picked] = float("inf")
                j = int(d.argmin())
                picked.append(j)
                total = total + f[j]
            self.x.append(xc[picked])
            self.y.append(torch.full((len(picked),), c))

    def draw(self, n):
        if not self.x:
            return None
        x, y = torch.cat(self.x), torch.cat(self.y)
        i = torch.randint(len(x), (n,))
        return x[i], y[i]


@torch.no_grad()
def accuracy(net, x, y, classes):
    net.eval()
    keep = torch.isin(y, torch.tensor(classes))
    return (net(x[keep]).argmax(1) == y[keep]).float().mean().item()


def run(seed=0):
    torch.manual_seed(seed)
    X, y = load_digits(return_X_y=True)
    X = (X.astype(np.float32) / 16 - 0.3).reshape(-1, 1, 8, 8)
    xtr, xte, ytr, yte = (torch.as_tensor(a) for a in
                          train_test_split(X, y, test_size=0.3, stratify=y, random_state=seed))
    net, memory = GrowingNet(), Memory(MEM_PER_CLASS)
    opt = torch.optim.SGD([{"params": net.trunk.parameters(), "lr": 0.05},
                           {"params": net.head.parameters(), "lr": 0.05}], momentum=0.9)
    table = []
    for t, classes in enumerate(TASKS):
        if t > 0:
            net.grow(classes)
            opt.param_groups[0]["lr"] = 0.0005
        keep = torch.isin(ytr, torch.tensor(classes))
        x, y = xtr[keep], ytr[keep]
        for epoch in range(EPOCHS):
            net.train()
            losses = []
            for idx in torch.randperm(len(x)).split(32):
                xb, yb = x[idx], y[idx]
                old = memory.draw(32 * t)
                if old is not None:
                    xb, yb = torch.cat([xb, old[0]]), torch.cat([yb, old[1]])
                loss = F.cross_entropy(net(xb), yb)
                opt.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(net.parameters(), 2.0)
                opt.step()
                losses.append(loss.item())
        memory.store(net, x, y, classes)
        row = [accuracy(net, xte, yte, list(c)) for c in TASKS[:t + 1]]
        table.append(row)
        print(f"after task {t} (classes {classes}): loss {np.mean(losses):.3f}  "
              + "  ".join(f"{a:.3f}" for a in row) + f"   all seen {accuracy(net, xte, yte, net.seen):.3f}")
    forget = np.mean([max(table[j][i] for j in range(i, 4)) - table[4][i] for i in range(4)])
    print(f"average incremental accuracy {np.mean([np.mean(r) for r in table]):.3f}, final {np.mean(table[-1]):.3f}, "
          f"forgetting {forget:.3f}")


if __name__ == "__main__":
    run()
