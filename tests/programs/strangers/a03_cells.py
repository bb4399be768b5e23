import argparse
import random

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset


def draw_sample(rng, size=32):
    """One synthetic 'microscopy' tile with a few bright ellipses and its mask."""
    yy, xx = np.mgrid[:size, :size]
    mask = np.zeros((size, size), np.float32)
    for _ in range(rng.integers(1, 4)):
        cy, cx = rng.uniform(4, size - 4, 2)
        ry, rx = rng.uniform(2.5, 6.5, 2)
        mask[((yy - cy) / ry) ** 2 + ((xx - cx) / rx) ** 2 < 1] = 1
    shade = np.linspace(0, 0.4, size, dtype=np.float32)[None, :]
    img = 0.2 + 0.45 * mask + shade + rng.normal(0, 0.12, mask.shape)
    return img.astype(np.float32), mask


class Augment:
    def __init__(self, p=0.5):
        self.p = p

    def __call__(self, t):
        if random.random() < self.p:
            t = torch.flip(t, dims=[-1])
        if random.random() < self.p:
            t = torch.flip(t, dims=[-2])
        return t


class CellDataset(Dataset):
    def __init__(self, n, seed, transform=None):
        rng = np.random.default_rng(seed)
        pairs = [draw_sample(rng) for _ in range(n)]
        self.images = torch.tensor(np.stack([p[0] for p in pairs]))[:, None]
        self.masks = torch.tensor(np.stack([p[1] for p in pairs]))[:, None]
        self.images = (self.images - 0.5) / 0.3
        self.transform = transform

    def __len__(self):
        return len(self.images)

    def __getitem__(self, i):
        img, mask = self.images[i], self.masks[i]
        if self.transform is not None:
            img = self.transform(img)
            mask = self.transform(mask)
        return img, mask


def block(cin, cout):
    return nn.Sequential(
        nn.Conv2d(cin, cout, 3, padding=1), nn.BatchNorm2d(cout), nn.ReLU(inplace=True),
    )


class MiniUNet(nn.Module):
    def __init__(self, w=8):
        super().__init__()
        self.d1 = block(1, w)
        self.d2 = block(w, 2 * w)
        self.mid = block(2 * w, 2 * w)
        self.u1 = block(3 * w, w)
        self.head = nn.Conv2d(w, 1, 1)

    def forward(self, x):
        a = self.d1(x)
        b = self.mid(self.d2(F.max_pool2d(a, 2)))
        b = F.interpolate(b, scale_factor=2, mode="nearest")
        return self.head(self.u1(torch.cat([a, b], 1)))


@torch.no_grad()
def iou(model, loader):
    model.eval()
    inter = union = 0.0
    for img, mask in loader:
        pred = model(img) > 0
        gt = mask > 0.5
        inter += (pred & gt).sum().item()
        union += (pred | gt).sum().item()
    return inter / union


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--epochs", type=int, default=6)
    ap.add_argument("--lr", type=float, default=3e-3)
    ap.add_argument("--seed", type=int, default=0)
    args = ap.parse_args()
    random.seed(args.seed)
    torch.manual_seed(args.seed)

    train = DataLoader(CellDataset(320, 1, Augment()), batch_size=16, shuffle=True)
    val = DataLoader(CellDataset(96, 2), batch_size=32)
    model = MiniUNet()
    optim = torch.optim.AdamW(model.parameters(), lr=args.lr)
    for epoch in range(args.epochs):
        model.train()
        losses = []
        for img, mask in train:
            loss = F.binary_cross_entropy_with_logits(model(img), mask)
            optim.zero_grad()
            loss.backward()
            optim.step()
            losses.append(loss.item())
        print(f"[{epoch + 1}/{args.epochs}] bce={np.mean(losses):.4f} val_iou={iou(model, val):.3f}")


if __name__ == "__main__":
    main()
