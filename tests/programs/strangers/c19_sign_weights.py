"""A network whose hidden weights and activations are only ever -1 or +1.

Homework 4 (straight-through estimators). We were not allowed to use torch.optim or
DataLoader, so the momentum update and the batches are done by hand.
"""
import numpy as np
import torch
from sklearn.datasets import load_digits

SEED = 13
EPOCHS = 30
BATCH = 50
LR0 = 0.1
MU = 0.9


class SignSTE(torch.autograd.Function):
    """forward: sign(x) with sign(0) = +1;  backward: gradient passes where |x| <= 1"""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.where(x >= 0, 1.0, -1.0)

    @staticmethod
    def backward(ctx, grad_out):
        x, = ctx.saved_tensors
        return grad_out * (x.abs() <= 1)


sign = SignSTE.apply


def init(rng, sizes):
    """list of dicts: latent weight W, gain g and shift b per layer"""
    layers = []
    for n_in, n_out in zip(sizes[:-1], sizes[1:]):
        W = rng.uniform(-0.03, 0.03, size=(n_in, n_out))
        layers.append({
            "W": torch.tensor(W, dtype=torch.float32, requires_grad=True),
            "g": torch.ones(n_out, requires_grad=True),
            "b": torch.zeros(n_out, requires_grad=True),
        })
    return layers


def normalise(a, stats, training):
    """batch statistics while training, running ones otherwise"""
    if training:
        m, v = a.mean(0), a.var(0, unbiased=False)
        stats["m"] = 0.9 * stats.get("m", m.detach()) + 0.1 * m.detach()
        stats["v"] = 0.9 * stats.get("v", v.detach()) + 0.1 * v.detach()
    else:
        m, v = stats["m"], stats["v"]
    return (a - m) / torch.sqrt(v + 1e-5)


def forward(layers, stats, x, training):
    h = x
    for k, layer in enumerate(layers):
        last = k == len(layers) - 1
        a = h @ (layer["W"] if last else sign(layer["W"]))
        a = normalise(a, stats[k], training) * layer["g"] + layer["b"]
        h = a if last else sign(a)
    return h


def softmax_loss(scores, t):
    # numpy habits: stabilise, exponentiate, pick
    s = scores - scores.max(dim=1, keepdim=True).values.detach()
    logp = s - s.exp().sum(dim=1, keepdim=True).log()
    return -logp[torch.arange(len(t)), t].mean()


def update(layers, velocity, lr):
    with torch.no_grad():
        for layer, vel in zip(layers, velocity):
            for name, p in layer.items():
                vel[name].mul_(MU).add_(p.grad)
                p -= lr * vel[name]
                p.grad.zero_()
        for layer in layers[:-1]:
            layer["W"].clamp_(-1, 1)          # a latent weight beyond 1 would never come back


def accuracy(layers, stats, X, T):
    with torch.no_grad():
        return (forward(layers, stats, X, False).argmax(1) == T).float().mean().item()


def main():
    rng = np.random.default_rng(SEED)
    X, T = load_digits(return_X_y=True)
    perm = rng.permutation(len(X))
    X = torch.tensor(X[perm] / 8.0 - 1.0, dtype=torch.float32)
    T = torch.tensor(T[perm])
    X_train, T_train, X_test, T_test = X[:1300], T[:1300], X[1300:], T[1300:]

    layers = init(rng, [64, 256, 128, 10])
    stats = [{} for _ in layers]
    velocity = [{k: torch.zeros_like(p) for k, p in layer.items()} for layer in layers]

    for epoch in range(EPOCHS):
        lr = LR0 * 0.5 * (1 + np.cos(np.pi * epoch / EPOCHS))
        before = [sign(layer["W"].detach()) for layer in layers[:-1]]
        order = rng.permutation(len(X_train))
        total = 0.0
        for i in range(0, len(order), BATCH):
            idx = torch.from_numpy(order[i:i + BATCH])
            loss = softmax_loss(forward(layers, stats, X_train[idx], True), T_train[idx])
            loss.backward()
            update(layers, velocity, lr)
            total += loss.item() * len(idx)
        if epoch % 5 == 4:
            flips = [(sign(l["W"].detach()) != b).float().mean().item() for l, b in zip(layers, before)]
            print(f"epoch {epoch + 1:2d}  loss {total / len(X_train):.4f}  "
                  f"train acc {accuracy(layers, stats, X_train, T_train):.4f}  "
                  f"test acc {accuracy(layers, stats, X_test, T_test):.4f}  "
                  f"signs flipped this epoch {['%.4f' % f for f in flips]}")

    print(f"distinct hidden weight values: {sorted(set(sign(layers[0]['W'].detach()).unique().tolist()))}")
    print(f"final test accuracy {accuracy(layers, stats, X_test, T_test):.4f}")


if __name__ == "__main__":
    main()
