"""Quantisation-aware fine-tuning of a small conv net to 3-bit weights / 4-bit activations."""
from dataclasses import dataclass

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset


@dataclass
class Config:
    float_epochs: int = 8
    qat_epochs: int = 10
    freeze_observers_after: int = 6
    w_bits: int = 3
    a_bits: int = 4
    lr: float = 3e-3
    qat_lr: float = 1e-3
    batch: int = 64
    seed: int = 0


class RoundSTE(torch.autograd.Function):
    """Round and clip; the gradient passes where nothing was clipped."""

    @staticmethod
    def forward(ctx, x, scale, lo, hi):
        q = x / scale
        ctx.save_for_backward((q >= lo) & (q <= hi))
        return q.round().clamp(lo, hi) * scale

    @staticmethod
    def backward(ctx, grad):
        (inside,) = ctx.saved_tensors
        return grad * inside, None, None, None


class WeightQuant(nn.Module):
    def __init__(self, bits):
        super().__init__()
        self.hi = 2 ** (bits - 1) - 1

    def forward(self, w):
        # one scale for each output channel, recomputed from the current weights
        scale = w.detach().flatten(1).abs().amax(1).clamp_min(1e-6) / self.hi
        return RoundSTE.apply(w, scale.view(-1, *[1] * (w.dim() - 1)), -self.hi, self.hi)


class ActQuant(nn.Module):
    def __init__(self, bits, momentum=0.05):
        super().__init__()
        self.hi = 2 ** bits - 1
        self.momentum = momentum
        self.observing = True
        self.register_buffer("top", torch.tensor(0.0))

    def forward(self, x):
        if self.training and self.observing:
            peak = torch.quantile(x.detach().flatten(), 0.999)
            self.top.copy_(peak if self.top == 0 else self.top + self.momentum * (peak - self.top))
        return RoundSTE.apply(x, self.top.clamp_min(1e-6) / self.hi, 0, self.hi)


class QLayer(nn.Module):
    """Wraps a conv or linear layer; quantisers are inert until `enabled`."""

    def __init__(self, layer, cfg, act=True):
        super().__init__()
        self.layer, self.enabled = layer, False
        self.wq = WeightQuant(cfg.w_bits)
        self.aq = ActQuant(cfg.a_bits) if act else None

    def forward(self, x):
        w = self.wq(self.layer.weight) if self.enabled else self.layer.weight
        if isinstance(self.layer, nn.Conv2d):
            y = F.conv2d(x, w, self.layer.bias, self.layer.stride, self.layer.padding)
        else:
            y = F.linear(x, w, self.layer.bias)
        if self.aq is None:
            return y
        y = F.relu(y)
        return self.aq(y) if self.enabled else y


def build(cfg):
    return nn.Sequential(
        QLayer(nn.Conv2d(1, 16, 3, padding=1), cfg),
        QLayer(nn.Conv2d(16, 32, 3, stride=2, padding=1), cfg),
        QLayer(nn.Conv2d(32, 32, 3, stride=2, padding=1), cfg),
        nn.Flatten(),
        QLayer(nn.Linear(128, 10), cfg, act=False),
    )


def set_quant(model, on):
    for m in model.modules():
        if isinstance(m, QLayer):
            m.enabled = on


@torch.no_grad()
def evaluate(model, loader):
    model.eval()
    hit = sum((model(x).argmax(1) == y).sum().item() for x, y in loader)
    return hit / len(loader.dataset)


def run_epoch(model, loader, opt):
    model.train()
    total = 0.0
    for x, y in loader:
        loss = F.cross_entropy(model(x), y)
        opt.zero_grad(set_to_none=True)
        loss.backward()
        opt.step()
        total += loss.item() * len(y)
    return total / len(loader.dataset)


def main(cfg=Config()):
    torch.manual_seed(cfg.seed)
    d = load_digits()
    x = torch.tensor(d.images / 16, dtype=torch.float32).unsqueeze(1)
    y = torch.tensor(d.target)
    perm = torch.randperm(len(x))
    tr, te = perm[:1300], perm[1300:]
    train = DataLoader(TensorDataset(x[tr], y[tr]), batch_size=cfg.batch, shuffle=True)
    test = DataLoader(TensorDataset(x[te], y[te]), batch_size=256)

    model = build(cfg)
    opt = torch.optim.Adam(model.parameters(), lr=cfg.lr)
    for e in range(cfg.float_epochs):
        loss = run_epoch(model, train, opt)
    print(f"float      loss {loss:.4f}  test {evaluate(model, test):.4f}")

    set_quant(model, True)
    model.train()
    with torch.no_grad():
        for xb, _ in train:
            model(xb)  # calibration only
    print(f"post-training {cfg.w_bits}/{cfg.a_bits} bit  test {evaluate(model, test):.4f}")

    opt = torch.optim.Adam(model.parameters(), lr=cfg.qat_lr)
    for e in range(cfg.qat_epochs):
        if e == cfg.freeze_observers_after:
            for m in model.modules():
                if isinstance(m, ActQuant):
                    m.observing = False
        loss = run_epoch(model, train, opt)
        print(f"qat epoch {e}  loss {loss:.4f}  test {evaluate(model, test):.4f}")
    w = model[1].wq(model[1].layer.weight)
    print("distinct levels in one filter of the second layer:", w[0].unique().numel())


if __name__ == "__main__":
    main()
