"""Rotation-pretext pretraining, then a digit classifier on top of the frozen trunk.

Stage 2a trains only the head, stage 2b lets the last block move with a small lr.
"""
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.manual_seed(21)
GEN = torch.Generator().manual_seed(21)


def cbr(i, o):
    return nn.Sequential(nn.Conv2d(i, o, 3, padding=1, bias=False), nn.BatchNorm2d(o), nn.ReLU())


class Trunk(nn.Module):
    def __init__(self):
        super().__init__()
        self.early = nn.Sequential(cbr(1, 16), cbr(16, 24))
        self.late = cbr(24, 32)
        self.locked = False

    def forward(self, x):
        x = F.max_pool2d(self.early(x), 2)
        return F.max_pool2d(self.late(x), 2).flatten(1)

    def lock(self):
        self.locked = True
        self.requires_grad_(False)
        self.eval()

    def train(self, mode=True):
        # running statistics stay those of the pretext task once locked
        return super().train(mode and not self.locked)


def loop(x, y, bs):
    for idx in torch.randperm(len(x), generator=GEN).split(bs):
        yield x[idx], y[idx]


def accuracy(net, x, y):
    net.eval()
    with torch.no_grad():
        a = (net(x).argmax(1) == y).float().mean().item()
    net.train()
    return a


def pretext(trunk, x, epochs=4):
    net = nn.Sequential(trunk, nn.Linear(128, 4))
    opt = torch.optim.Adam(net.parameters(), lr=3e-3)
    for _ in range(epochs):
        for xb, _ in loop(x, x, 64):
            k = torch.randint(0, 4, (len(xb),), generator=GEN)
            xr = torch.stack([torch.rot90(im, int(r), (1, 2)) for im, r in zip(xb, k)])
            loss = F.cross_entropy(net(xr), k)
            opt.zero_grad()
            loss.backward()
            opt.step()
    print(f"pretext done, last loss {loss.item():.3f}")


def main():
    d = load_digits()
    p = torch.randperm(len(d.target), generator=GEN)
    x = (torch.tensor(d.images, dtype=torch.float32)[p].unsqueeze(1) - 4.88) / 6.0
    y = torch.tensor(d.target)[p]
    xtr, ytr, xte, yte = x[:1300], y[:1300], x[1300:], y[1300:]

    trunk = Trunk()
    pretext(trunk, xtr)
    trunk.lock()

    head = nn.Sequential(nn.Dropout(0.2), nn.Linear(128, 10))
    net = nn.Sequential(trunk, head)
    opt = torch.optim.AdamW(head.parameters(), lr=5e-3, weight_decay=1e-3)

    for ep in range(12):
        if ep == 6:
            for q in trunk.late.parameters():
                q.requires_grad_(True)
            opt.add_param_group({"params": list(trunk.late.parameters()), "lr": 5e-4})
            print("-- last block joins")
        net.train()
        tot = 0.0
        for xb, yb in loop(xtr, ytr, 64):
            if ep < 6:
                with torch.no_grad():
                    feats = trunk(xb)
            else:
                feats = trunk(xb)
            loss = F.cross_entropy(head(feats), yb)
            opt.zero_grad()
            loss.backward()
            opt.step()
            tot += loss.item() * len(xb)
        print(f"ep {ep:2d} loss {tot / len(xtr):.3f} train acc {accuracy(net, xtr, ytr):.3f}")
    print(f"test accuracy {accuracy(net, xte, yte):.4f}")


if __name__ == "__main__":
    main()
