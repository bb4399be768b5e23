import random

import torch
import torch.nn as nn
from data import CellDataset, RandomFlipRotate, make_arrays
from torch.utils.data import DataLoader
from unet import UNet


def dice_loss(logits, target, eps=1.0):
    p = torch.sigmoid(logits).flatten(1)
    t = target.flatten(1)
    inter = (p * t).sum(1)
    return (1 - (2 * inter + eps) / (p.sum(1) + t.sum(1) + eps)).mean()


@torch.no_grad()
def evaluate(net, loader):
    net.eval()
    inter = union = 0.0
    for image, mask in loader:
        pred = net(image) > 0
        truth = mask > 0.5
        inter += (pred & truth).sum().item()
        union += (pred | truth).sum().item()
    net.train()
    return inter / max(union, 1.0)


def main():
    random.seed(0)
    torch.manual_seed(0)
    train_set = CellDataset(*make_arrays(320, seed=1), transform=RandomFlipRotate())
    val_set = CellDataset(*make_arrays(120, seed=2))
    train_loader = DataLoader(train_set, batch_size=16, shuffle=True)
    val_loader = DataLoader(val_set, batch_size=40)

    net = UNet()
    print(f"{sum(p.numel() for p in net.parameters())} parameters")
    bce = nn.BCEWithLogitsLoss()
    optimizer = torch.optim.AdamW(net.parameters(), lr=3e-3, weight_decay=1e-4)
    epochs = 8
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)

    for epoch in range(epochs):
        running = 0.0
        for image, mask in train_loader:
            optimizer.zero_grad()
            logits = net(image)
            loss = bce(logits, mask) + dice_loss(logits, mask)
            loss.backward()
            optimizer.step()
            running += loss.item() * len(image)
        scheduler.step()
        print(f"epoch {epoch + 1}/{epochs}  loss {running / len(train_set):.4f}  "
              f"val IoU {evaluate(net, val_loader):.4f}")

    print(f"final val IoU: {evaluate(net, val_loader):.4f}")


if __name__ == "__main__":
    main()
