"""Take hum and clicks out of short recordings: the same window of the noisy and of the clean wave, cut at random.

Some windows run backwards. Start and direction are drawn once for both waves; testing looks at the middle of each.
"""
import random

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

RECORDED, WINDOW = 192, 96


def record(count, seed):
    """Sums of three decaying tones; the noisy ones have a hum and clicks on top."""
    g = torch.Generator().manual_seed(seed)
    time = torch.arange(RECORDED) / RECORDED
    frequency = 3 + 25 * torch.rand(count, 3, 1, generator=g)
    phase = 6.28 * torch.rand(count, 3, 1, generator=g)
    onset = torch.rand(count, 3, 1, generator=g) * 0.5
    decay = torch.exp(-3 * (time - onset).clamp(min=0)) * (time > onset)
    clean = (decay * torch.sin(6.28 * frequency * time + phase)).sum(dim=1)
    hum = 0.6 * torch.sin(6.28 * 50 * time + 6.28 * torch.rand(count, 1, generator=g))
    clicks = (torch.rand(count, RECORDED, generator=g) < 0.04) * torch.randn(count, RECORDED, generator=g) * 2
    return clean + hum + clicks, clean


class Recordings(Dataset):
    def __init__(self, noisy, clean, moving):
        self.noisy = noisy
        self.clean = clean
        self.moving = moving

    def __len__(self):
        return len(self.noisy)

    def draw(self):
        if not self.moving:
            return (RECORDED - WINDOW) // 2, False
        return random.randint(0, RECORDED - WINDOW), random.random() < 0.5

    @staticmethod
    def cut(wave, start, backwards):
        window = wave[start : start + WINDOW].unsqueeze(0)
        return window.flip(-1) if backwards else window

    def __getitem__(self, index):
        start, backwards = self.draw()
        noisy = self.cut(self.noisy[index], start, backwards)
        clean = self.cut(self.clean[index], start, backwards)
        return {"noisy": noisy, "clean": clean}


class Restorer(nn.Module):
    """What it computes is the disturbance, which it takes away."""

    def __init__(self, width=20):
        super().__init__()
        self.first = nn.Conv1d(1, width, 9, padding=4)
        self.middle = nn.ModuleList(nn.Conv1d(width, width, 5, padding=4 * 2**i // 2, dilation=2**i) for i in range(4))
        self.last = nn.Conv1d(width, 1, 1)

    def forward(self, wave):
        h = torch.relu(self.first(wave))
        for layer in self.middle:
            h = h + torch.relu(layer(h))
        return wave - self.last(h)


class Trainer:
    def __init__(self, model, rate, epochs, steps):
        self.model = model
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=rate)
        self.schedule = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, epochs * steps)
        self.criterion = nn.SmoothL1Loss(beta=0.2)

    def epoch(self, loader):
        self.model.train()
        total = 0.0
        for batch in loader:
            restored = self.model(batch["noisy"])
            loss = self.criterion(restored, batch["clean"])
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            self.schedule.step()
            total += loss.item()
        return total / len(loader)

    @torch.no_grad()
    def explained(self, loader):
        """The share of the clean waves' power that is right."""
        self.model.eval()
        error = power = 0.0
        for batch in loader:
            error += (self.model(batch["noisy"]) - batch["clean"]).pow(2).sum().item()
            power += batch["clean"].pow(2).sum().item()
        return 1 - error / power


def main(epochs=5):
    random.seed(5)
    torch.manual_seed(5)
    loader = DataLoader(Recordings(*record(512, 1), moving=True), batch_size=32, shuffle=True)
    held_out = DataLoader(Recordings(*record(128, 2), moving=False), batch_size=64)
    trainer = Trainer(Restorer(), 3e-3, epochs, len(loader))
    for epoch in range(epochs):
        loss = trainer.epoch(loader)
        print(f"epoch {epoch}: loss {loss:.4f}, explained {trainer.explained(held_out):.3f}")


if __name__ == "__main__":
    main()
