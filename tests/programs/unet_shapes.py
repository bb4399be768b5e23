"""Segment overlapping discs and boxes in noisy pictures with a small U-Net.

    python unet_shapes.py --epochs 6
"""
import argparse

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset


class Shapes(Dataset):
    """Grey pictures of 32 x 32 with two masks: what belongs to a disc, what belongs to a box."""

    def __init__(self, count, seed, augment=False):
        self.rng = np.random.default_rng(seed)
        self.augment = augment
        self.items = [self.draw() for _ in range(count)]

    def draw(self, size=32):
        rows, columns = np.mgrid[:size, :size]
        image = self.rng.normal(0.0, 0.25, (size, size))
        discs, boxes = np.zeros((size, size), bool), np.zeros((size, size), bool)
        for _ in range(self.rng.integers(1, 3)):
            cy, cx, r = *self.rng.uniform(6, size - 6, 2), self.rng.uniform(3, 6)
            disc = (rows - cy) ** 2 + (columns - cx) ** 2 < r * r
            discs |= disc
            image[disc] += 0.7
        for _ in range(self.rng.integers(1, 3)):
            top, left = self.rng.integers(1, size - 10, 2)
            height, width = self.rng.integers(4, 9, 2)
            boxes[top : top + height, left : left + width] = True
            image[top : top + height, left : left + width] -= 0.7
        return image.astype("float32"), np.stack([discs, boxes]).astype("float32")

    def __len__(self):
        return len(self.items)

    def __getitem__(self, index):
        image, masks = self.items[index]
        image, masks = torch.from_numpy(image)[None], torch.from_numpy(masks)
        if self.augment and torch.rand(()) < 0.5:  # the same flip for both
            image, masks = image.flip(-1), masks.flip(-1)
        return image, masks


def double_conv(inside, outside):
    return nn.Sequential(
        nn.Conv2d(inside, outside, 3, padding=1, bias=False),
        nn.BatchNorm2d(outside),
        nn.ReLU(inplace=True),
        nn.Conv2d(outside, outside, 3, padding=1, bias=False),
        nn.BatchNorm2d(outside),
        nn.ReLU(inplace=True),
    )


class UNet(nn.Module):
    def __init__(self, widths=(8, 16, 24), classes=2):
        super().__init__()
        self.down = nn.ModuleList()
        inside = 1
        for width in widths:
            self.down.append(double_conv(inside, width))
            inside = width
        self.up = nn.ModuleList()
        self.fuse = nn.ModuleList()
        for width in reversed(widths[:-1]):
            self.up.append(nn.ConvTranspose2d(inside, width, 2, stride=2))
            self.fuse.append(double_conv(2 * width, width))
            inside = width
        self.head = nn.Conv2d(inside, classes, 1)

    def forward(self, x):
        skips = []
        for i, block in enumerate(self.down):
            x = block(x if i == 0 else F.max_pool2d(x, 2))
            skips.append(x)
        skips.pop()
        for up, fuse in zip(self.up, self.fuse):
            x = fuse(torch.cat([up(x), skips.pop()], dim=1))
        return self.head(x)


def dice_loss(logits, masks, smooth=1.0):
    probabilities = logits.sigmoid()
    overlap = (probabilities * masks).sum(dim=(2, 3))
    total = probabilities.sum(dim=(2, 3)) + masks.sum(dim=(2, 3))
    return (1 - (2 * overlap + smooth) / (total + smooth)).mean()


@torch.inference_mode()
def iou(model, loader):
    model.eval()
    inter = union = 0
    for image, masks in loader:
        guess = model(image) > 0
        masks = masks.bool()
        inter += (guess & masks).sum(dim=(0, 2, 3))
        union += (guess | masks).sum(dim=(0, 2, 3))
    return (inter / union).tolist()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--lr", type=float, default=0.02)
    args = parser.parse_args()
    torch.manual_seed(0)

    train_loader = DataLoader(Shapes(256, seed=1, augment=True), args.batch_size, shuffle=True)
    val_loader = DataLoader(Shapes(64, seed=2), 32)
    model = UNet()
    share = torch.stack([m for _, m in train_loader.dataset]).mean(dim=(0, 2, 3))
    bce = nn.BCEWithLogitsLoss(pos_weight=((1 - share) / share).sqrt().view(-1, 1, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=args.lr, epochs=args.epochs, steps_per_epoch=len(train_loader)
    )

    for epoch in range(args.epochs):
        model.train()
        running = 0.0
        for image, masks in train_loader:
            optimizer.zero_grad()
            logits = model(image)
            loss = bce(logits, masks) + dice_loss(logits, masks)
            loss.backward()
            optimizer.step()
            scheduler.step()
            running += loss.item()
        discs, boxes = iou(model, val_loader)
        print(f"epoch {epoch}  loss {running / len(train_loader):.3f}  IoU discs {discs:.3f}  boxes {boxes:.3f}")


if __name__ == "__main__":
    main()
