"""Two-layer net on the digits, weights as plain tensors, update rule by hand.

I wanted to see every number that moves, so no nn.Module and no torch.optim.
"""
import math

import numpy as np
import torch
from sklearn.datasets import load_digits

g = torch.Generator().manual_seed(11)

raw = load_digits()
perm = np.random.RandomState(11).permutation(len(raw.target))
imgs = torch.tensor(raw.data[perm] / 16.0 - 0.5, dtype=torch.float32)
labs = torch.tensor(raw.target[perm])
Xtr, Ytr = imgs[:1400], labs[:1400]
Xte, Yte = imgs[1400:], labs[1400:]


def leaf(rows, cols):
    w = torch.randn(rows, cols, generator=g) * math.sqrt(2.0 / rows)
    return w.requires_grad_()


W1, b1 = leaf(64, 96), torch.zeros(96, requires_grad=True)
W2, b2 = leaf(96, 48), torch.zeros(48, requires_grad=True)
W3, b3 = leaf(48, 10), torch.zeros(10, requires_grad=True)
theta = [W1, b1, W2, b2, W3, b3]
vel = [torch.zeros_like(t) for t in theta]


def probs(x):
    h = (x @ W1 + b1).clamp(min=0)
    h = (h @ W2 + b2).clamp(min=0)
    z = h @ W3 + b3
    z = z - z.max(dim=1, keepdim=True).values.detach()
    e = z.exp()
    return e / e.sum(dim=1, keepdim=True)


def xent(p, y):
    # p is already normalised
    return -(p[torch.arange(len(y)), y] + 1e-9).log()


EPOCHS, BS, PEAK, MU = 14, 50, 0.15, 0.9
steps_total = EPOCHS * (len(Xtr) // BS)
t = 0


def rate(t):
    up = 0.25 * steps_total
    if t < up:
        return PEAK * (t + 1) / up
    return PEAK * (steps_total - t) / (steps_total - up)


def accuracy(X, Y):
    with torch.no_grad():
        return (probs(X).argmax(1) == Y).float().mean().item()


for ep in range(EPOCHS):
    order = torch.randperm(len(Xtr), generator=g)
    running = 0.0
    for k in range(0, len(Xtr), BS):
        idx = order[k:k + BS]
        per_sample = xent(probs(Xtr[idx]), Ytr[idx])
        # gradient of the sum; divided by the batch size below
        per_sample.backward(torch.ones_like(per_sample))
        lr = rate(t)
        with torch.no_grad():
            for p, v in zip(theta, vel):
                d = p.grad / len(idx)
                if p.dim() == 2:
                    d += 1e-4 * p
                v.mul_(MU).add_(d)
                p -= lr * (d + MU * v)
                p.grad = None
        t += 1
        running += per_sample.sum().item()
    print("ep %2d  lr %.4f  nll %.4f  train %.3f" % (ep, lr, running / len(Xtr), accuracy(Xtr, Ytr)))

print("held-out accuracy: %.4f" % accuracy(Xte, Yte))
