"""Orientation detector for scanned digits, trained without labels: which quarter turn has been applied?"""
import argparse

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, Dataset


class Images(Dataset):
    def __init__(self, x):
        self.x = x

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        img = self.x[i]
        dy, dx = torch.randint(-1, 2, (2,)).tolist()
        img = torch.roll(img, (dy, dx), (1, 2))
        return img + 0.05 * torch.randn_like(img)


def rotations(x):
    """All four orientations of a batch."""
    return torch.cat([torch.rot90(x, k, (2, 3)) for k in range(4)])


def collate_rotated(items):
    x = torch.stack(items)
    return rotations(x), torch.arange(4).repeat(len(x))


class SqueezeExcite(nn.Module):
    def __init__(self, c, r=4):
        super().__init__()
        self.a, self.b = nn.Linear(c, c // r), nn.Linear(c // r, c)

    def forward(self, x):
        w = torch.sigmoid(self.b(F.relu(self.a(x.mean((2, 3))))))
        return x * w[:, :, None, None]


class Backbone(nn.Module):
    def __init__(self):
        super().__init__()
        self.s1 = nn.Sequential(nn.Conv2d(1, 24, 3, padding=1, bias=False), nn.BatchNorm2d(24), nn.ReLU(),
                                nn.Conv2d(24, 24, 3, padding=1, bias=False), nn.BatchNorm2d(24), nn.ReLU())
        self.s2 = nn.Sequential(nn.Conv2d(24, 48, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(48), nn.ReLU(),
                                SqueezeExcite(48))
        self.s3 = nn.Sequential(nn.Conv2d(48, 48, 3, padding=1, bias=False), nn.BatchNorm2d(48), nn.ReLU())

    def forward(self, x):
        return F.adaptive_avg_pool2d(self.s3(self.s2(self.s1(x))), 2).flatten(1)


class RotNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = Backbone()
        self.head = nn.Linear(48 * 4, 4)

    def forward(self, x):
        return self.head(self.backbone(x))


@torch.no_grad()
def detector_report(net, x, seed=5):
    """Every image turned once at random; share found out, by turn, and share of images set upright."""
    gen = torch.Generator().manual_seed(seed)
    k = torch.randint(4, (len(x),), generator=gen)
    turned = torch.stack([torch.rot90(img, int(q), (1, 2)) for img, q in zip(x, k)])
    net.eval()
    guess = torch.cat([net(b).argmax(1) for b in turned.split(256)])
    net.train()
    per_turn = [(guess[k == q] == q).float().mean().item() for q in range(4)]
    return (guess == k).float().mean().item(), per_turn


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--epochs", type=int, default=8)
    ap.add_argument("--batch", type=int, default=48)
    ap.add_argument("--lr", type=float, default=3e-3)
    ap.add_argument("--seed", type=int, default=1)
    args = ap.parse_args()
    torch.manual_seed(args.seed)
    X = load_digits().data
    X = torch.tensor(X, dtype=torch.float32).view(-1, 1, 8, 8) / 16
    x_tr, x_te = train_test_split(X, test_size=0.3, random_state=args.seed)

    net = RotNet()
    loader = DataLoader(Images(x_tr), batch_size=args.batch, shuffle=True, drop_last=True, collate_fn=collate_rotated)
    opt = torch.optim.AdamW(net.parameters(), lr=args.lr, weight_decay=1e-3)
    sched = torch.optim.lr_scheduler.OneCycleLR(opt, args.lr, epochs=args.epochs, steps_per_epoch=len(loader))
    for epoch in range(args.epochs):
        net.train()
        total = 0.0
        for views, k in loader:
            loss = F.cross_entropy(net(views), k)
            opt.zero_grad()
            loss.backward()
            opt.step()
            sched.step()
            total += loss.item()
        print(f"epoch {epoch + 1}  loss {total / len(loader):.4f}  lr {sched.get_last_lr()[0]:.1e}  "
              f"turn found on held-out images {detector_report(net, x_te)[0]:.4f}")
    acc, per_turn = detector_report(net, x_te, seed=6)
    print(f"orientation accuracy {acc:.4f}; by turn " + ", ".join(f"{90 * q}: {v:.3f}" for q, v in enumerate(per_turn)))


if __name__ == "__main__":
    main()
