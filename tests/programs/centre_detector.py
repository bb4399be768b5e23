"""A tiny one-stage detector: finds squares and crosses in a picture, with their size.

The model follows torchvision's habit: in train mode it takes targets and returns a dict of losses, in eval mode it returns
detections. Heat map by penalty-reduced focal loss, offsets and sizes by L1 at the centres only.
"""
import argparse
import random

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

CLASSES, SIZE, STRIDE = 2, 32, 4
GRID = SIZE // STRIDE


class Pictures(Dataset):
    def __init__(self, n, seed):
        rng = random.Random(seed)
        self.samples = [self.paint(rng) for _ in range(n)]

    def paint(self, rng):
        image = torch.tensor([[rng.gauss(0, 0.15) for _ in range(SIZE)] for _ in range(SIZE)])
        boxes, labels, taken = [], [], set()
        for _ in range(rng.randint(0, 3)):
            r, cx, cy = rng.choice([2, 3, 4]), rng.randint(5, SIZE - 6), rng.randint(5, SIZE - 6)
            if any(abs(cx - x) < 9 and abs(cy - y) < 9 for x, y in taken):
                continue
            taken.add((cx, cy))
            label = rng.randrange(CLASSES)
            if label == 0:
                image[cy - r : cy + r + 1, cx - r : cx + r + 1] += 1
            else:
                image[cy - r : cy + r + 1, cx] += 1
                image[cy, cx - r : cx + r + 1] += 1
            boxes.append([cx, cy, 2 * r + 1])
            labels.append(label)
        return image[None], {"boxes": torch.tensor(boxes, dtype=torch.float32).view(-1, 3), "labels": torch.tensor(labels, dtype=torch.long)}

    def __len__(self):
        return len(self.samples)

    def __getitem__(self, i):
        return self.samples[i]


def collate(batch):
    return tuple(zip(*batch))


class Detector(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        layers, inside = [], 1
        for stride, outside in [(2, width), (1, width), (2, 2 * width), (1, 2 * width)]:
            layers += [nn.Conv2d(inside, outside, 3, stride, 1, bias=False), nn.BatchNorm2d(outside), nn.ReLU(True)]
            inside = outside
        self.backbone = nn.Sequential(*layers)
        self.heat = nn.Conv2d(inside, CLASSES, 1)
        self.boxes = nn.Conv2d(inside, 3, 1)
        nn.init.constant_(self.heat.bias, -2.2)

    def forward(self, images, targets=None):
        features = self.backbone(torch.stack(list(images)))
        heat, boxes = self.heat(features), self.boxes(features)
        if self.training:
            return self.losses(heat, boxes, targets)
        return self.decode(heat.sigmoid(), boxes)

    def losses(self, heat, boxes, targets):
        goal = torch.zeros_like(heat)
        spots, offsets, sizes = [], [], []
        axis = torch.arange(GRID)
        for i, target in enumerate(targets):
            for (cx, cy, side), label in zip(target["boxes"], target["labels"]):
                x, y = int(cx // STRIDE), int(cy // STRIDE)
                blob = torch.exp(-((axis[:, None] - y) ** 2 + (axis[None] - x) ** 2) / 1.5)
                goal[i, label] = torch.maximum(goal[i, label], blob)
                spots.append((i, y, x))
                offsets.append([cx / STRIDE - x, cy / STRIDE - y])
                sizes.append([side / SIZE])
        p = heat.sigmoid().clamp(1e-4, 1 - 1e-4)
        positive = goal.eq(1).float()
        focal = -positive * (1 - p) ** 2 * p.log() - (1 - positive) * (1 - goal) ** 4 * p**2 * (1 - p).log()
        found = max(len(spots), 1)
        if not spots:
            return {"heat": focal.sum() / found, "offset": boxes.sum() * 0, "size": boxes.sum() * 0}
        i, y, x = torch.tensor(spots).T
        at = boxes[i, :, y, x]
        return {
            "heat": focal.sum() / found,
            "offset": F.l1_loss(at[:, :2], torch.tensor(offsets)),
            "size": F.l1_loss(at[:, 2:], torch.tensor(sizes)),
        }

    def decode(self, heat, boxes, threshold=0.35):
        peaks = heat * (F.max_pool2d(heat, 3, 1, 1) == heat)
        out = []
        for scores, b in zip(peaks, boxes):
            label, y, x = (scores > threshold).nonzero(as_tuple=True)
            centre = torch.stack([(x + b[0, y, x]) * STRIDE, (y + b[1, y, x]) * STRIDE, b[2, y, x] * SIZE], dim=1)
            out.append({"boxes": centre, "labels": label, "scores": scores[label, y, x]})
        return out


def f1_score(model, loader):
    model.eval()
    hits = found = real = 0
    with torch.no_grad():
        for images, targets in loader:
            for guess, target in zip(model(images), targets):
                found += len(guess["labels"])
                real += len(target["labels"])
                for box, label in zip(target["boxes"], target["labels"]):
                    near = ((guess["boxes"] - box).abs().amax(dim=1) < 3) & (guess["labels"] == label)
                    hits += int(near.any())
    return 2 * hits / max(found + real, 1)


def train_one_epoch(model, optimizer, loader, warmup):
    model.train()
    meters = {}
    for images, targets in loader:
        losses = model(images, targets)
        total = sum(losses.values())
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        warmup.step()
        for name, value in losses.items():
            meters.setdefault(name, []).append(value.item())
    return {name: sum(v) / len(v) for name, v in meters.items()}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("-e", "--epochs", default=7, type=int)
    args = parser.parse_args()
    torch.manual_seed(5)
    loader = DataLoader(Pictures(320, 1), batch_size=16, shuffle=True, collate_fn=collate)
    val_loader = DataLoader(Pictures(80, 2), batch_size=40, collate_fn=collate)
    model = Detector()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4)
    warmup = torch.optim.lr_scheduler.LinearLR(optimizer, start_factor=0.1, total_iters=20)
    for epoch in range(args.epochs):
        meters = train_one_epoch(model, optimizer, loader, warmup)
        line = "  ".join(f"{k}: {v:.3f}" for k, v in meters.items())
        print(f"Epoch [{epoch}]  {line}  F1: {f1_score(model, val_loader):.3f}")


if __name__ == "__main__":
    main()
