from dataclasses import dataclass

import torch

from registry import DATASETS


@dataclass
class Graph:
    x: torch.Tensor
    y: torch.Tensor
    adj: torch.Tensor
    train_mask: torch.Tensor
    val_mask: torch.Tensor
    test_mask: torch.Tensor

    @property
    def num_classes(self):
        return int(self.y.max()) + 1


def normalize(adj):
    """D^-1/2 (A + I) D^-1/2"""
    adj = adj + torch.eye(adj.size(0))
    d = adj.sum(1).rsqrt()
    return d[:, None] * adj * d[None, :]


@DATASETS.register('sbm')
def sbm(num_nodes=600, num_classes=5, p_in=0.06, p_out=0.008, dim=24, noise=2.5,
        per_class=12, num_val=120, seed=0):
    g = torch.Generator().manual_seed(seed)
    y = torch.randint(0, num_classes, (num_nodes,), generator=g)
    prob = torch.where(y[:, None] == y[None, :], p_in, p_out)
    upper = torch.triu(torch.rand(num_nodes, num_nodes, generator=g) < prob, diagonal=1).float()
    adj = upper + upper.t()
    centers = torch.randn(num_classes, dim, generator=g)
    x = centers[y] + noise * torch.randn(num_nodes, dim, generator=g)

    perm = torch.randperm(num_nodes, generator=g)
    train_mask, val_mask, test_mask = (torch.zeros(num_nodes, dtype=torch.bool) for _ in range(3))
    for c in range(num_classes):
        train_mask[perm[y[perm] == c][:per_class]] = True
    rest = perm[~train_mask[perm]]
    val_mask[rest[:num_val]] = True
    test_mask[rest[num_val:]] = True
    return Graph(x, y, normalize(adj), train_mask, val_mask, test_mask)
