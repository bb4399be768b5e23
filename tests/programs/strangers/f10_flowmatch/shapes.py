import numpy as np
import torch
from sklearn.datasets import make_moons


def moons(n, seed):
    x, y = make_moons(n, noise=0.06, random_state=seed)
    return (x - [0.5, 0.25]) * 1.3, y


def spirals(n, seed):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    r = rng.uniform(0.3, 2.0, n)
    a = 2.4 * r + np.pi * y
    pts = np.stack([r * np.cos(a), r * np.sin(a)], axis=1)
    return pts + rng.normal(0, 0.05, (n, 2)), y


def load(name, n, seed):
    x, y = {"moons": moons, "spirals": spirals}[name](n, seed)
    return torch.tensor(x, dtype=torch.float32), torch.tensor(y, dtype=torch.long)


def energy_distance(a, b):
    def mean(p, q):
        return torch.cdist(p, q).mean()
    return (2 * mean(a, b) - mean(a, a) - mean(b, b)).item()
