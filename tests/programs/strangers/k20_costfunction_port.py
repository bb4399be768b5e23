"""Port of an old Octave/numpy exercise: a two-layer sigmoid network in one flat vector, minimised with L-BFGS."""
import time

import numpy as np
import torch
from sklearn.datasets import load_digits

INPUT, HIDDEN, LABELS = 64, 25, 10
LAMBDA = 0.6
OUTER = 70


def unroll(*mats):
    return torch.cat([m.reshape(-1) for m in mats])


def roll(theta):
    cut = HIDDEN * (INPUT + 1)
    return theta[:cut].view(HIDDEN, INPUT + 1), theta[cut:].view(LABELS, HIDDEN + 1)


def rand_init(rng, rows, cols):
    eps = np.sqrt(6.0) / np.sqrt(rows + cols)
    return torch.from_numpy(rng.uniform(-eps, eps, size=(rows, cols + 1)))


def with_ones(a):
    return torch.cat([torch.ones(len(a), 1, dtype=a.dtype), a], dim=1)


def forward(theta, X):
    t1, t2 = roll(theta)
    a2 = torch.sigmoid(with_ones(X) @ t1.T)
    return with_ones(a2) @ t2.T


def cost(theta, X, Y, lam):
    """Sum of ten one-vs-all logistic losses, averaged over the examples; the bias column is not regularised."""
    m = len(X)
    z = forward(theta, X)
    # log(1 + e^z) - y z, the stable way of writing -y log h - (1 - y) log(1 - h)
    J = (torch.nn.functional.softplus(z) - Y * z).sum() / m
    t1, t2 = roll(theta)
    return J + lam / (2 * m) * (t1[:, 1:].square().sum() + t2[:, 1:].square().sum())


def numerical_check(theta, X, Y, lam, rng, k=12, h=1e-5):
    probe = theta.detach().clone().requires_grad_(True)
    (g,) = torch.autograd.grad(cost(probe, X, Y, lam), probe)
    worst = 0.0
    with torch.no_grad():
        for i in rng.choice(len(theta), size=k, replace=False):
            e = torch.zeros_like(theta)
            e[i] = h
            num = (cost(theta + e, X, Y, lam) - cost(theta - e, X, Y, lam)) / (2 * h)
            worst = max(worst, abs(num.item() - g[i].item()))
    return worst


def predict(theta, X):
    with torch.no_grad():
        return forward(theta, X).argmax(dim=1)


def fit(theta0, X, Y, lam, verbose=False):
    theta = theta0.clone().requires_grad_(True)
    opt = torch.optim.LBFGS([theta], lr=1, max_iter=4, history_size=12, line_search_fn="strong_wolfe",
                            tolerance_grad=1e-9, tolerance_change=1e-12)
    calls = 0

    def closure():
        nonlocal calls
        calls += 1
        opt.zero_grad()
        J = cost(theta, X, Y, lam)
        J.backward()
        return J

    for it in range(OUTER):
        J = opt.step(closure)
        if verbose and (it + 1) % 10 == 0:
            print(f"Iteration {4 * (it + 1):4d} | Cost: {J.item():.6e} | {calls} evaluations")
    return theta.detach()


def main():
    rng = np.random.default_rng(400)
    data = load_digits()
    order = rng.permutation(len(data.data))
    X = torch.from_numpy(data.data[order] / 16.0)
    y = torch.from_numpy(data.target[order])
    Y = torch.eye(LABELS, dtype=torch.float64)[y]
    a, b = 1000, 1350
    theta0 = unroll(rand_init(rng, HIDDEN, INPUT), rand_init(rng, LABELS, HIDDEN))
    print(f"{theta0.numel()} parameters, cost at the start {cost(theta0, X[:a], Y[:a], LAMBDA).item():.4f}")
    print(f"checking the gradient: largest deviation {numerical_check(theta0, X[:a], Y[:a], LAMBDA, rng):.2e}")

    t = time.time()
    best = None
    for lam in (0.0, 0.1, LAMBDA, 3.0):
        theta = fit(theta0, X[:a], Y[:a], lam, verbose=lam == LAMBDA)
        tr = (predict(theta, X[:a]) == y[:a]).double().mean().item()
        va = (predict(theta, X[a:b]) == y[a:b]).double().mean().item()
        print(f"lambda {lam:3.1f}: training accuracy {100 * tr:6.2f}, validation accuracy {100 * va:6.2f}")
        if best is None or va > best[0]:
            best = (va, lam)
    theta = fit(theta0, X[:b], Y[:b], best[1])
    te = (predict(theta, X[b:]) == y[b:]).double().mean().item()
    print(f"refitted on training + validation with lambda {best[1]}: test accuracy {100 * te:.2f}  ({time.time() - t:.1f} s)")


if __name__ == "__main__":
    main()
