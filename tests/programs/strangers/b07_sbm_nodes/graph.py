import numpy as np
import torch


def block_graph(n_per_block=150, blocks=4, p_in=0.045, p_out=0.008, n_feat=16, noise=2.0, seed=0):
    """Stochastic block model with weak node features. Returns features, labels and edges (2, E)."""
    rng = np.random.default_rng(seed)
    n = n_per_block * blocks
    labels = np.repeat(np.arange(blocks), n_per_block)
    prob = np.where(labels[:, None] == labels[None, :], p_in, p_out)
    upper = np.triu(rng.random((n, n)) < prob, k=1)
    src, dst = np.nonzero(upper | upper.T)
    means = rng.normal(size=(blocks, n_feat))
    feats = means[labels] + noise * rng.normal(size=(n, n_feat))
    feats = (feats - feats.mean(0)) / feats.std(0)
    return (torch.tensor(feats, dtype=torch.float32), torch.tensor(labels),
            torch.tensor(np.stack([src, dst]), dtype=torch.long))


def gcn_matrix(edges, n):
    """D^-1/2 (A + I) D^-1/2 as a sparse matrix."""
    loops = torch.arange(n).repeat(2, 1)
    idx = torch.cat([edges, loops], dim=1)
    deg = torch.bincount(idx[0], minlength=n).float()
    val = deg[idx[0]].rsqrt() * deg[idx[1]].rsqrt()
    return torch.sparse_coo_tensor(idx, val, (n, n), check_invariants=True).coalesce()


def split_nodes(labels, per_class=8, n_val=120, seed=0):
    g = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(labels), generator=g)
    train = torch.cat([order[labels[order] == c][:per_class] for c in labels.unique()])
    taken = torch.zeros(len(labels), dtype=torch.bool)
    taken[train] = True
    rest = order[~taken[order]]
    return train, rest[:n_val], rest[n_val:]
