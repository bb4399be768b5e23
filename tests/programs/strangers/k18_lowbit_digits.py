"""Quantisation-aware training: 2-bit weights (LSQ-like step sizes), 3-bit activations with learned clipping."""
import argparse
import math

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.nn.utils import parametrize


class RoundSTE(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return torch.round(x)

    @staticmethod
    def backward(ctx, g):
        return g


class WeightQuant(nn.Module):
    """Symmetric uniform grid with a learned step, one per output channel."""

    def __init__(self, weight, bits):
        super().__init__()
        self.q = 2 ** (bits - 1) - 1
        dims = tuple(range(1, weight.ndim))
        self.step = nn.Parameter(2 * weight.detach().abs().mean(dims, keepdim=True) / math.sqrt(max(self.q, 1)))

    def forward(self, w):
        s = self.step.abs() + 1e-6
        return RoundSTE.apply((w / s).clamp(-self.q, self.q)) * s


class ActQuant(nn.Module):
    """PACT: unsigned activations, clipped at a learned alpha."""

    def __init__(self, bits):
        super().__init__()
        self.levels = 2 ** bits - 1
        self.alpha = nn.Parameter(torch.tensor(3.0))

    def forward(self, x):
        x = torch.minimum(F.relu(x), self.alpha)
        scale = self.levels / self.alpha
        return torch.round(x * scale) / scale


def quantised(layer, bits):
    parametrize.register_parametrization(layer, "weight", WeightQuant(layer.weight, bits))
    return layer


class LowBitNet(nn.Module):
    def __init__(self, wbits, abits, c=8):
        super().__init__()
        self.stem = nn.Conv2d(1, c, 3, padding=1, bias=False)
        self.bn0, self.act0 = nn.BatchNorm2d(c), ActQuant(abits)
        self.conv1 = quantised(nn.Conv2d(c, 2 * c, 3, stride=2, padding=1, bias=False), wbits)
        self.bn1, self.act1 = nn.BatchNorm2d(2 * c), ActQuant(abits)
        self.conv2 = quantised(nn.Conv2d(2 * c, 2 * c, 3, stride=2, padding=1, bias=False), wbits)
        self.bn2, self.act2 = nn.BatchNorm2d(2 * c), ActQuant(abits)
        self.fc = nn.Linear(2 * c, 10)

    def forward(self, x):
        x = self.act0(self.bn0(self.stem(x)))
        x = self.act1(self.bn1(self.conv1(x)))
        x = self.act2(self.bn2(self.conv2(x)))
        return self.fc(x.mean((2, 3)))

    def storage_bits(self, wbits):
        low = self.conv1.weight.numel() + self.conv2.weight.numel()
        return low * wbits + 32 * (self.stem.weight.numel() + self.fc.weight.numel())


@torch.no_grad()
def accuracy(net, x, y):
    net.eval()
    hit = (net(x).argmax(1) == y).float().mean().item()
    net.train()
    return hit


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--wbits", type=int, default=2)
    ap.add_argument("--abits", type=int, default=3)
    ap.add_argument("--epochs", type=int, default=30)
    ap.add_argument("--batch", type=int, default=64)
    ap.add_argument("--seed", type=int, default=9)
    args = ap.parse_args()
    torch.manual_seed(args.seed)
    X, y = load_digits(return_X_y=True)
    X = torch.tensor(X, dtype=torch.float32).view(-1, 1, 8, 8) / 8 - 1
    xtr, xte, ytr, yte = train_test_split(X, torch.tensor(y), test_size=0.3, stratify=y, random_state=args.seed)

    net = LowBitNet(args.wbits, args.abits)
    quant = [p for n, p in net.named_parameters() if n.endswith(("alpha", "step"))]
    ids = {id(p) for p in quant}
    main_params = [p for p in net.parameters() if id(p) not in ids]
    opt = torch.optim.Adam([{"params": main_params, "lr": 4e-3}, {"params": quant, "lr": 1e-3}])
    n_batches = len(xtr) // args.batch
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, args.epochs * n_batches)
    for epoch in range(1, args.epochs + 1):
        total = 0.0
        for idx in torch.randperm(len(xtr))[:n_batches * args.batch].view(n_batches, -1):
            loss = F.cross_entropy(net(xtr[idx]), ytr[idx])
            opt.zero_grad()
            loss.backward()
            opt.step()
            sched.step()
            total += loss.item()
        if epoch % 5 == 0:
            alphas = ", ".join(f"{a.alpha.item():.2f}" for a in (net.act0, net.act1, net.act2))
            print(f"epoch {epoch:3d}  loss {total / n_batches:.4f}  alpha {alphas}  test {accuracy(net, xte, yte):.4f}")
    grid = net.conv1.weight.detach()[0].unique().numel()
    print(f"W{args.wbits}A{args.abits}: test accuracy {accuracy(net, xte, yte):.4f}, "
          f"{net.storage_bits(args.wbits) / 8192:.2f} KiB of weights, {grid} values in the first filter of conv1")


if __name__ == "__main__":
    main()
