"""Estimate the pitch and the damping of noisy decaying tones; examples are synthesised on the fly by worker processes."""
import argparse
import time
from typing import Iterator, Tuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset

LENGTH = 96


def synthesise(rng: np.random.Generator) -> Tuple[np.ndarray, np.ndarray]:
    t = np.arange(LENGTH)
    freq = rng.uniform(0.02, 0.2)
    damping = rng.uniform(0.0, 0.06)
    wave = np.exp(-damping * t) * np.sin(2 * np.pi * (freq * t + rng.random()))
    # a weaker interfering tone and background noise
    wave += 0.3 * np.sin(2 * np.pi * (rng.uniform(0.25, 0.45) * t + rng.random()))
    wave += rng.normal(0, 0.25, LENGTH)
    wave *= rng.uniform(0.5, 2.0)
    target = np.array([(freq - 0.11) / 0.052, (damping - 0.03) / 0.0173])
    return wave.astype(np.float32), target.astype(np.float32)


class ToneStream(IterableDataset):
    """Endless stream, cut into "epochs" of `length` examples for logging."""

    def __init__(self, length: int, seed: int):
        super().__init__()
        self.length = length
        self.rng = np.random.default_rng(seed)

    def __iter__(self) -> Iterator[Tuple[np.ndarray, np.ndarray]]:
        info = torch.utils.data.get_worker_info()
        share = self.length if info is None else self.length // info.num_workers
        for _ in range(share):
            yield synthesise(self.rng)


class ToneNet(nn.Module):
    def __init__(self, width: int = 24):
        super().__init__()

        def stage(i: int, o: int, k: int) -> nn.Sequential:
            return nn.Sequential(nn.Conv1d(i, o, k, stride=2, padding=k // 2), nn.BatchNorm1d(o), nn.GELU())

        self.body = nn.Sequential(stage(1, width, 9), stage(width, 2 * width, 5), stage(2 * width, 2 * width, 5))
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(2 * width * LENGTH // 8, 64), nn.GELU(), nn.Linear(64, 2))

    def forward(self, x: Tensor) -> Tensor:
        x = x / x.square().mean(1, keepdim=True).sqrt()
        return self.head(self.body(x.unsqueeze(1)))


def fixed_set(n: int, seed: int) -> Tuple[Tensor, Tensor]:
    rng = np.random.default_rng(seed)
    pairs = [synthesise(rng) for _ in range(n)]
    return torch.from_numpy(np.stack([p[0] for p in pairs])), torch.from_numpy(np.stack([p[1] for p in pairs]))


@torch.no_grad()
def r_squared(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    model.eval()
    resid = (model(x) - y).square().sum(0)
    return 1 - resid / (y - y.mean(0)).square().sum(0)


def train(args: argparse.Namespace) -> None:
    torch.manual_seed(args.seed)
    stream = ToneStream(args.epoch_size, args.seed)
    loader = DataLoader(stream, batch_size=args.batch, num_workers=args.workers)
    xv, yv = fixed_set(1500, seed=10_000 + args.seed)
    model = ToneNet()
    opt = torch.optim.AdamW(model.parameters(), lr=args.lr, weight_decay=1e-3)
    steps = args.epochs * args.epoch_size // args.batch
    sched = torch.optim.lr_scheduler.OneCycleLR(opt, max_lr=args.lr, total_steps=steps)
    start = time.time()
    for epoch in range(1, args.epochs + 1):
        model.train()
        total, n = 0.0, 0
        for x, y in loader:
            loss = nn.functional.smooth_l1_loss(model(x), y)
            opt.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 2.0)
            opt.step()
            sched.step()
            total += loss.item() * len(x)
            n += len(x)
        if epoch % 5 == 0:
            pitch, damping = r_squared(model, xv, yv).tolist()
            print(f"epoch {epoch:3d}  examples {n * epoch:6d}  train {total / n:.4f}  "
                  f"R2 pitch {pitch:.3f} damping {damping:.3f}  ({time.time() - start:.1f}s)")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--epoch-size", type=int, default=512)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--lr", type=float, default=3e-3)
    parser.add_argument("--seed", type=int, default=3)
    train(parser.parse_args())
