"""MLP-Mixer on 8x8 digits in half precision on the CPU: autocast, gradient scaler, unscale, clip, warm-up and cosine.

The scaler begins far too high on purpose, as scalers do, and skips steps until no gradient overflows any more.
"""
import argparse

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, SequentialLR
from torch.utils.data import DataLoader, TensorDataset


class MixerBlock(nn.Module):
    def __init__(self, tokens, channels, drop):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.token_mix = nn.Sequential(nn.Linear(tokens, 2 * tokens), nn.GELU(), nn.Linear(2 * tokens, tokens))
        self.channel_mix = nn.Sequential(nn.Linear(channels, 2 * channels), nn.GELU(), nn.Dropout(drop), nn.Linear(2 * channels, channels))

    def forward(self, x):
        x = x + self.token_mix(self.norm1(x).mT).mT
        return x + self.channel_mix(self.norm2(x))


class Mixer(nn.Module):
    def __init__(self, channels=32, depth=2, patch=2, drop=0.1):
        super().__init__()
        self.patchify = nn.Conv2d(1, channels, patch, stride=patch)
        tokens = (8 // patch) ** 2
        self.blocks = nn.Sequential(*(MixerBlock(tokens, channels, drop) for _ in range(depth)))
        self.norm = nn.LayerNorm(channels)
        self.head = nn.Linear(channels, 10)

    def forward(self, images):
        tokens = self.patchify(images).flatten(2).mT
        return self.head(self.norm(self.blocks(tokens)).mean(dim=1))


def get_loaders(batch_size):
    digits = load_digits()
    images = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 16 - 0.5
    target = torch.tensor(digits.target)
    train, test = train_test_split(range(len(images)), test_size=0.2, random_state=0, stratify=digits.target)
    return (
        DataLoader(TensorDataset(images[train], target[train]), batch_size=batch_size, shuffle=True, drop_last=True),
        DataLoader(TensorDataset(images[test], target[test]), batch_size=180),
    )


def train_one_epoch(model, loader, criterion, optimizer, scheduler, scaler, args):
    model.train()
    total = torch.zeros(())
    for images, target in loader:
        with torch.autocast("cpu", dtype=getattr(torch, args.dtype)):
            output = model(images)
            loss = criterion(output, target)
        optimizer.zero_grad(set_to_none=True)
        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
        nn.utils.clip_grad_norm_(model.parameters(), args.clip)
        scaler.step(optimizer)
        scale = scaler.get_scale()
        scaler.update()
        if scaler.get_scale() >= scale:  # else the step was skipped
            scheduler.step()
        total += loss.detach().float()
    return (total / len(loader)).item()


def evaluate(model, loader, criterion, args):
    model.eval()
    loss = hits = count = 0
    with torch.inference_mode(), torch.autocast("cpu", dtype=getattr(torch, args.dtype)):
        for images, target in loader:
            output = model(images)
            loss += criterion(output, target).item() * len(target)
            hits += (output.argmax(dim=1) == target).sum().item()
            count += len(target)
    return loss / count, hits / count


def main(args):
    torch.manual_seed(args.seed)
    train_loader, test_loader = get_loaders(args.batch_size)
    model = Mixer()
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.lr, weight_decay=0.05)
    steps = args.epochs * len(train_loader)
    scheduler = SequentialLR(
        optimizer,
        [LinearLR(optimizer, start_factor=0.05, total_iters=steps // 10), CosineAnnealingLR(optimizer, T_max=steps - steps // 10)],
        milestones=[steps // 10],
    )
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**20, growth_interval=40, enabled=args.dtype == "float16")
    for epoch in range(args.epochs):
        loss = train_one_epoch(model, train_loader, criterion, optimizer, scheduler, scaler, args)
        test_loss, accuracy = evaluate(model, test_loader, criterion, args)
        print(f"epoch {epoch}: loss {loss:.4f}, test loss {test_loss:.4f}, accuracy {accuracy:.3f}, scale {scaler.get_scale():g}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--lr", type=float, default=8e-3)
    parser.add_argument("--clip", type=float, default=3.0)
    parser.add_argument("--seed", type=int, default=13)
    parser.add_argument("--dtype", choices=["float16", "bfloat16"], default="float16")
    main(parser.parse_args())
