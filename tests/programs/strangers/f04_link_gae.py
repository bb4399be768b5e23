#!/usr/bin/env python
"""Graph auto-encoder for link prediction on a noisy latent-position graph (plain torch, two GCN layers)."""
import argparse

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.metrics import average_precision_score, roc_auc_score


def latent_graph(n, groups, rng):
    """People in soft groups: an edge is likely when the membership vectors agree."""
    theta = rng.dirichlet(np.full(groups, 0.15), size=n)
    p = 0.24 * (theta @ theta.T) + 0.004
    upper = np.triu(rng.random((n, n)) < p, 1)
    edges = np.argwhere(upper)
    feats = theta @ rng.normal(size=(groups, 12)) + 0.9 * rng.normal(size=(n, 12))
    return torch.tensor(feats, dtype=torch.float32), torch.tensor(edges), upper | upper.T


def sample_negatives(dense, k, rng):
    out = set()
    n = len(dense)
    while len(out) < k:
        i, j = rng.integers(0, n, 2)
        if i < j and not dense[i, j]:
            out.add((int(i), int(j)))
    return torch.tensor(sorted(out))


def split_edges(edges, dense, rng, val_frac=0.05, test_frac=0.15):
    order = torch.tensor(rng.permutation(len(edges)))
    n_val, n_test = int(val_frac * len(edges)), int(test_frac * len(edges))
    negatives = sample_negatives(dense, n_val + n_test, rng)
    negatives = negatives[torch.tensor(rng.permutation(len(negatives)))]
    return {
        "val": (edges[order[:n_val]], negatives[:n_val]),
        "test": (edges[order[n_val:n_val + n_test]], negatives[n_val:]),
        "train": edges[order[n_val + n_test:]],
    }


def gcn_matrix(edges, n):
    src = torch.cat([edges[:, 0], edges[:, 1], torch.arange(n)])
    dst = torch.cat([edges[:, 1], edges[:, 0], torch.arange(n)])
    deg = torch.bincount(dst, minlength=n).float()
    w = deg[src].rsqrt() * deg[dst].rsqrt()
    a = torch.zeros(n, n)
    a[dst, src] = w
    return a


class GAE(nn.Module):
    def __init__(self, n, d_in, hidden=64, out=32, dropout=0.2):
        super().__init__()
        self.ids = nn.Embedding(n, 32)
        nn.init.normal_(self.ids.weight, std=0.3)
        self.lin1 = nn.Linear(d_in + 32, hidden)
        self.lin2 = nn.Linear(hidden, out)
        self.bias = nn.Parameter(torch.zeros(()))
        self.dropout = dropout

    def encode(self, x, a):
        h = torch.cat([x, self.ids.weight], dim=1)
        h = F.dropout(h, self.dropout, self.training)
        h = F.elu(a @ self.lin1(h))
        return a @ self.lin2(h)

    def score(self, z, pairs):
        return (z[pairs[:, 0]] * z[pairs[:, 1]]).sum(1) + self.bias


@torch.no_grad()
def metrics(model, x, a, pos, neg):
    model.eval()
    z = model.encode(x, a)
    s = torch.cat([model.score(z, pos), model.score(z, neg)]).numpy()
    t = np.r_[np.ones(len(pos)), np.zeros(len(neg))]
    return roc_auc_score(t, s), average_precision_score(t, s)


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--nodes", type=int, default=700)
    p.add_argument("--groups", type=int, default=12)
    p.add_argument("--epochs", type=int, default=160)
    p.add_argument("--lr", type=float, default=0.01)
    p.add_argument("--seed", type=int, default=5)
    args = p.parse_args()

    rng = np.random.default_rng(args.seed)
    torch.manual_seed(args.seed)
    x, edges, dense = latent_graph(args.nodes, args.groups, rng)
    parts = split_edges(edges, dense, rng)
    a = gcn_matrix(edges, args.nodes)
    train_pos = parts["train"]
    print(f"{args.nodes} nodes, {len(edges)} edges, {len(train_pos)} for training")

    model = GAE(args.nodes, x.shape[1])
    opt = torch.optim.Adam(model.parameters(), lr=args.lr, weight_decay=1e-4)
    best, best_state = 0.0, None
    for epoch in range(args.epochs):
        model.train()
        opt.zero_grad()
        z = model.encode(x, a)
        # training negatives: random pairs, the few real edges among them do not hurt
        neg = torch.randint(0, args.nodes, (len(train_pos), 2))
        logits = torch.cat([model.score(z, train_pos), model.score(z, neg)])
        target = torch.cat([torch.ones(len(train_pos)), torch.zeros(len(neg))])
        loss = F.binary_cross_entropy_with_logits(logits, target)
        loss.backward()
        opt.step()
        if epoch % 10 == 9:
            auc, ap_ = metrics(model, x, a, *parts["val"])
            if auc > best:
                best, best_state = auc, {k: v.clone() for k, v in model.state_dict().items()}
            if epoch % 40 == 39:
                print(f"epoch {epoch + 1:3d}  loss {loss.item():.4f}  val auc {auc:.4f}  ap {ap_:.4f}")
    model.load_state_dict(best_state)
    auc, ap_ = metrics(model, x, a, *parts["test"])
    print(f"test auc {auc:.4f}  ap {ap_:.4f}  (best val auc {best:.4f})")


if __name__ == "__main__":
    main()
