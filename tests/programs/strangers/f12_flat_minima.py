"""Digits with 25% wrong training labels: plain Lion against Lion wrapped in sharpness-aware minimisation."""
import time

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.optim import Optimizer


class Lion(Optimizer):
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.98), weight_decay=0.0):
        super().__init__(params, dict(lr=lr, betas=betas, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            b1, b2 = group["betas"]
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if not state:
                    state["m"] = torch.zeros_like(p)
                m = state["m"]
                update = m.mul(b1).add_(p.grad, alpha=1 - b1).sign_()
                p.mul_(1 - group["lr"] * group["weight_decay"]).add_(update, alpha=-group["lr"])
                m.mul_(b2).add_(p.grad, alpha=1 - b2)


class SAM:
    """Climb to the worst point of a small ball, take the gradient there, step from the original point."""

    def __init__(self, base, rho):
        self.base, self.rho = base, rho
        self.params = [p for g in base.param_groups for p in g["params"]]
        self.moved = []

    @torch.no_grad()
    def climb(self):
        norm = torch.sqrt(sum((p.grad ** 2).sum() for p in self.params))
        self.moved = [p.grad * (self.rho / (norm + 1e-12)) for p in self.params]
        for p, e in zip(self.params, self.moved):
            p.add_(e)
            p.grad = None

    @torch.no_grad()
    def descend(self):
        for p, e in zip(self.params, self.moved):
            p.sub_(e)
        self.base.step()
        for p in self.params:
            p.grad = None


class Residual(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.a, self.b = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)

    def forward(self, x):
        return x + self.b(F.gelu(self.a(self.norm(x))))


def network():
    return nn.Sequential(nn.Linear(64, 96), Residual(96), Residual(96), nn.LayerNorm(96), nn.Linear(96, 10))


def get_data(noise, seed):
    g = torch.Generator().manual_seed(seed)
    d = load_digits()
    x = torch.tensor(d.data, dtype=torch.float32) / 8 - 1
    y = torch.tensor(d.target)
    order = torch.randperm(len(x), generator=g)
    tr, te = order[:1200], order[1200:]
    dirty = y[tr].clone()
    flip = torch.rand(len(tr), generator=g) < noise
    dirty[flip] = (dirty[flip] + torch.randint(1, 10, (int(flip.sum()),), generator=g)) % 10
    print(f"{int(flip.sum())} of {len(tr)} training labels are wrong")
    return x[tr], dirty, x[te], y[te]


def run(name, rho, data, epochs=16, batch=60, lr=4e-4, seed=1):
    torch.manual_seed(seed)
    xtr, ytr, xte, yte = data
    net = network()
    fast = torch.compile(net, backend="eager")
    base = Lion(net.parameters(), lr=lr, weight_decay=0.05)
    sam = SAM(base, rho) if rho else None
    steps = epochs * len(xtr) // batch
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(base, steps, eta_min=lr / 20)
    start = time.time()
    for epoch in range(1, epochs + 1):
        net.train()
        hit, total = 0, 0.0
        for idx in torch.randperm(len(xtr)).split(batch):
            out = fast(xtr[idx])
            loss = F.cross_entropy(out, ytr[idx])
            loss.backward()
            if sam is None:
                base.step()
                base.zero_grad()
            else:
                sam.climb()
                F.cross_entropy(fast(xtr[idx]), ytr[idx]).backward()
                sam.descend()
            sched.step()
            hit += (out.argmax(1) == ytr[idx]).sum().item()
            total += loss.item() * len(idx)
        if epoch % 4 == 0:
            net.eval()
            with torch.no_grad():
                acc = (net(xte).argmax(1) == yte).float().mean().item()
            print(f"{name:5s} epoch {epoch:3d}  train loss {total / len(xtr):.3f}  "
                  f"train acc {hit / len(xtr):.3f}  clean test acc {acc:.4f}")
    print(f"{name:5s} done in {time.time() - start:.1f}s")
    return acc


if __name__ == "__main__":
    torch.set_num_threads(1)
    data = get_data(0.25, seed=5)
    plain = run("lion", 0.0, data)
    sharp = run("sam", 0.3, data)
    print(f"clean test accuracy: lion {plain:.4f}  lion+sam {sharp:.4f}")
