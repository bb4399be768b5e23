"""Segment scratches and dents on brushed-metal tiles (synthetic line camera images)."""
import argparse
import random

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset

SIZE = 32


def render_tile(rng):
    yy, xx = np.mgrid[0:SIZE, 0:SIZE].astype(np.float32)
    grain = rng.normal(0, 0.12, size=(SIZE, 1)) + rng.normal(0, 0.10, size=(SIZE, SIZE))
    light = 0.3 * (xx / SIZE - 0.5) * rng.uniform(-1, 1)
    img = 0.5 + grain + light
    mask = np.zeros((SIZE, SIZE), dtype=np.int64)
    for _ in range(rng.integers(1, 4)):
        cx, cy = rng.uniform(4, SIZE - 4, size=2)
        if rng.random() < 0.5:
            r = rng.uniform(2.5, 5.0)
            inside = (xx - cx) ** 2 + (yy - cy) ** 2 < r * r
            img = np.where(inside, img - 0.40, img)
            mask[inside] = 1
        else:
            ang = rng.uniform(0, np.pi)
            along = (xx - cx) * np.cos(ang) + (yy - cy) * np.sin(ang)
            across = -(xx - cx) * np.sin(ang) + (yy - cy) * np.cos(ang)
            inside = (np.abs(along) < rng.uniform(5, 10)) & (np.abs(across) < 1.3)
            img = np.where(inside, img + 0.45, img)
            mask[inside] = 2
    return img.astype(np.float32)[None], mask


class RandomOrient:
    """Random horizontal / vertical flip, works on anything whose last two axes are H, W."""

    def __init__(self, p=0.5):
        self.p = p

    def __call__(self, t):
        if random.random() < self.p:
            t = t.flip(-1)
        if random.random() < self.p:
            t = t.flip(-2)
        return t


class Tiles(Dataset):
    def __init__(self, n, seed, transform=None):
        rng = np.random.default_rng(seed)
        pairs = [render_tile(rng) for _ in range(n)]
        self.images = torch.from_numpy(np.stack([p[0] for p in pairs]))
        self.masks = torch.from_numpy(np.stack([p[1] for p in pairs]))
        self.transform = transform

    def __len__(self):
        return len(self.images)

    def __getitem__(self, i):
        image, mask = self.images[i], self.masks[i]
        if self.transform is not None:
            image = self.transform(image)
            mask = self.transform(mask)
        return image, mask


def block(cin, cout):
    return nn.Sequential(
        nn.Conv2d(cin, cout, 3, padding=1, bias=False), nn.BatchNorm2d(cout), nn.ReLU(inplace=True),
        nn.Conv2d(cout, cout, 3, padding=1, bias=False), nn.BatchNorm2d(cout), nn.ReLU(inplace=True))


class SmallUNet(nn.Module):
    def __init__(self, classes=3, w=12):
        super().__init__()
        self.enc1, self.enc2, self.mid = block(1, w), block(w, 2 * w), block(2 * w, 4 * w)
        self.up2, self.up1 = nn.ConvTranspose2d(4 * w, 2 * w, 2, 2), nn.ConvTranspose2d(2 * w, w, 2, 2)
        self.dec2, self.dec1 = block(4 * w, 2 * w), block(2 * w, w)
        self.head = nn.Conv2d(w, classes, 1)

    def forward(self, x):
        a = self.enc1(x)
        b = self.enc2(F.max_pool2d(a, 2))
        m = self.mid(F.max_pool2d(b, 2))
        b = self.dec2(torch.cat([self.up2(m), b], 1))
        a = self.dec1(torch.cat([self.up1(b), a], 1))
        return self.head(a)


@torch.no_grad()
def mean_iou(model, loader, classes=3):
    model.eval()
    inter, union = torch.zeros(classes), torch.zeros(classes)
    for image, mask in loader:
        pred = model(image).argmax(1)
        for c in range(classes):
            inter[c] += ((pred == c) & (mask == c)).sum()
            union[c] += ((pred == c) | (mask == c)).sum()
    return inter / union.clamp(min=1)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--epochs", type=int, default=8)
    ap.add_argument("--batch-size", type=int, default=16)
    ap.add_argument("--lr", type=float, default=3e-3)
    ap.add_argument("--seed", type=int, default=7)
    args = ap.parse_args()

    random.seed(args.seed)
    torch.manual_seed(args.seed)

    train = DataLoader(Tiles(320, seed=1, transform=RandomOrient()), args.batch_size, shuffle=True)
    val = DataLoader(Tiles(120, seed=2), 40)
    test = DataLoader(Tiles(120, seed=3), 40)

    model = SmallUNet()
    opt = torch.optim.AdamW(model.parameters(), lr=args.lr, weight_decay=1e-4)
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, args.epochs)
    weight = torch.tensor([0.4, 1.0, 1.5])

    for epoch in range(args.epochs):
        model.train()
        total = 0.0
        for image, mask in train:
            opt.zero_grad()
            loss = F.cross_entropy(model(image), mask, weight=weight)
            loss.backward()
            opt.step()
            total += loss.item() * len(image)
        sched.step()
        iou = mean_iou(model, val)
        print(f"epoch {epoch + 1:2d}  loss {total / len(train.dataset):.4f}  "
              f"val IoU bg {iou[0]:.3f} dent {iou[1]:.3f} scratch {iou[2]:.3f}")

    iou = mean_iou(model, test)
    print(f"test mIoU {iou.mean():.3f}  (dent {iou[1]:.3f}, scratch {iou[2]:.3f})")


if __name__ == "__main__":
    main()
