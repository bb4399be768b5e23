"""Single-object detector on synthetic 32x32 images: what is it and where is it."""
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

import boxes as B

S = 32


def make_data(n, seed):
    rng = np.random.default_rng(seed)
    imgs = rng.normal(0, 0.15, (n, 1, S, S)).astype(np.float32)
    cls = rng.integers(0, 3, n)
    box = np.zeros((n, 4), np.float32)
    for i in range(n):
        w, h = rng.integers(8, 17, 2)
        x, y = rng.integers(0, S - w), rng.integers(0, S - h)
        patch = np.ones((h, w), np.float32)
        if cls[i] == 1:                       # hollow
            patch[2:-2, 2:-2] = 0
        elif cls[i] == 2:                     # striped
            patch[::2] = 0.0
            patch[0] = patch[-1] = 1
        imgs[i, 0, y:y + h, x:x + w] += patch
        box[i] = np.array([x, y, x + w, y + h]) / S
    return TensorDataset(torch.tensor(imgs), torch.tensor(cls), torch.tensor(box))


class Detector(nn.Module):
    def __init__(self, n_cls=3):
        super().__init__()
        layers, c = [], 1
        for k in (8, 16, 32):
            layers += [nn.Conv2d(c, k, 3, padding=1), nn.BatchNorm2d(k), nn.ReLU(), nn.MaxPool2d(2)]
            c = k
        self.features = nn.Sequential(*layers, nn.Flatten(), nn.Linear(32 * 16, 96), nn.ReLU())
        self.cls_head = nn.Linear(96, n_cls)
        self.box_head = nn.Linear(96, 4)

    def forward(self, x):
        f = self.features(x)
        return self.cls_head(f), self.box_head(f)


class DetectionLoss(nn.Module):
    def __init__(self, box_weight=5.0):
        super().__init__()
        self.box_weight = box_weight

    def forward(self, outputs, cls, box):
        logits, raw = outputs
        l_cls = F.cross_entropy(logits, cls)
        l_box = F.smooth_l1_loss(B.decode(raw), box, beta=0.1)
        return l_cls + self.box_weight * l_box, l_cls.item(), l_box.item()


@torch.no_grad()
def validate(model, loader):
    model.eval()
    ok, ious, n = 0, 0.0, 0
    for x, c, b in loader:
        logits, raw = model(x)
        ok += (logits.argmax(1) == c).sum().item()
        ious += B.iou(B.decode(raw), b).sum().item()
        n += len(c)
    return ok / n, ious / n


def main():
    torch.manual_seed(7)
    train = DataLoader(make_data(896, 70), batch_size=32, shuffle=True)
    valid = DataLoader(make_data(200, 71), batch_size=100)
    model, criterion = Detector(), DetectionLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for epoch in range(7):
        model.train()
        stats = []
        for x, c, b in train:
            optimizer.zero_grad()
            loss, lc, lb = criterion(model(x), c, b)
            loss.backward()
            optimizer.step()
            stats.append((lc, lb))
        lc, lb = np.mean(stats, axis=0)
        acc, miou = validate(model, valid)
        print(f"epoch {epoch}: cls {lc:.3f} box {lb:.4f} | val acc {acc:.3f} mean IoU {miou:.3f}")


if __name__ == "__main__":
    main()
