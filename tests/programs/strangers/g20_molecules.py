"""Property regression on random molecule-like graphs, snapshot ensemble from one cyclic run.

Atoms have a type, bonds have an order. The property depends on atom types, on bonded pairs and on a
three-atom pattern, plus measurement noise.
"""
import copy

import numpy as np
import torch
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingWarmRestarts

ATOMS, ORDERS = 5, 3
CYCLES, EPOCHS_PER_CYCLE, BATCH = 8, 6, 40
BURN_IN = 3  # the first cycles are still far from any minimum, they do not vote


class Molecule:
    def __init__(self, rng, weights):
        n = int(rng.integers(5, 15))
        self.kind = rng.choice(ATOMS, n, p=[0.5, 0.2, 0.15, 0.1, 0.05])
        bonds = [(i, int(rng.integers(max(0, i - 4), i))) for i in range(1, n)]
        for _ in range(rng.integers(0, 3)):
            i, j = sorted(rng.choice(n, 2, replace=False))
            if (j, i) not in bonds:
                bonds.append((int(j), int(i)))
        self.bonds = np.array(bonds)
        self.order = rng.choice(ORDERS, len(bonds), p=[0.7, 0.22, 0.08])
        single, pair, triple = weights
        value = single[self.kind].sum() + pair[self.kind[self.bonds[:, 0]], self.kind[self.bonds[:, 1]], self.order].sum()
        # an oxygen-like atom (1) double-bonded to a centre that also carries a nitrogen-like atom (2)
        for (i, j), o in zip(self.bonds, self.order):
            for centre, end in ((i, j), (j, i)):
                if o == 1 and self.kind[end] == 1:
                    mates = self.bonds[(self.bonds == centre).any(1)].ravel()
                    value += triple * (self.kind[mates[mates != centre]] == 2).sum()
        self.value = float(value + rng.normal(0, 0.2))


def collate(mols):
    """One big disconnected graph; every bond appears in both directions."""
    kind, src, dst, order, owner, shift = [], [], [], [], [], 0
    for m, mol in enumerate(mols):
        kind.append(mol.kind)
        src += [mol.bonds[:, 0] + shift, mol.bonds[:, 1] + shift]
        dst += [mol.bonds[:, 1] + shift, mol.bonds[:, 0] + shift]
        order += [mol.order, mol.order]
        owner.append(np.full(len(mol.kind), m))
        shift += len(mol.kind)
    t = [torch.from_numpy(np.concatenate(a)).long() for a in (kind, src, dst, order, owner)]
    return (*t, len(mols)), torch.tensor([m.value for m in mols])


class GraphNet(nn.Module):
    def __init__(self, width=40, rounds=3):
        super().__init__()
        self.atom = nn.Embedding(ATOMS, width)
        self.bond = nn.Embedding(ORDERS, width)
        self.message = nn.ModuleList(nn.Linear(2 * width, width) for _ in range(rounds))
        self.update = nn.GRUCell(width, width)
        self.readout = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, 1))

    def forward(self, kind, src, dst, order, owner, n):
        h = self.atom(kind)
        e = self.bond(order)
        for layer in self.message:
            msg = torch.relu(layer(torch.cat([h[src], e], dim=1)))
            h = self.update(torch.zeros_like(h).index_add(0, dst, msg), h)
        contribution = self.readout(h).squeeze(1)
        return torch.zeros(n).index_add(0, owner, contribution)


def main():
    rng = np.random.default_rng(9)
    torch.manual_seed(9)
    pair = rng.normal(0, 0.6, (ATOMS, ATOMS, ORDERS))
    weights = (rng.normal(0, 1, ATOMS), pair + pair.transpose(1, 0, 2), 2.0)
    mols = [Molecule(rng, weights) for _ in range(1300)]
    train, test = mols[:1000], mols[1000:]

    values = np.array([m.value for m in train])
    mean, std = float(values.mean()), float(values.std())
    test_graph, test_y = collate(test)

    # yardstick: ridge on atom and bond counts
    def counts(ms):
        return np.stack([np.r_[1, np.bincount(m.kind, minlength=ATOMS), np.bincount(m.order, minlength=ORDERS)]
                         for m in ms]).astype(float)

    a = counts(train)
    coef = np.linalg.solve(a.T @ a + np.eye(a.shape[1]), a.T @ values)
    print(f"test RMSE: mean {(test_y - mean).pow(2).mean().sqrt():.3f}, "
          f"counts {np.sqrt(np.mean((counts(test) @ coef - test_y.numpy()) ** 2)):.3f}")

    net = GraphNet()
    opt = torch.optim.Adam(net.parameters(), lr=6e-3)
    per_epoch = len(train) // BATCH
    cycle = CosineAnnealingWarmRestarts(opt, T_0=EPOCHS_PER_CYCLE * per_epoch, eta_min=1e-5)
    members = []
    for epoch in range(CYCLES * EPOCHS_PER_CYCLE):
        total = 0.0
        for idx in torch.randperm(len(train)).view(-1, BATCH).tolist():
            graph, y = collate([train[i] for i in idx])
            loss = nn.functional.mse_loss(net(*graph), (y - mean) / std)
            opt.zero_grad()
            loss.backward()
            opt.step()
            cycle.step()
            total += loss.item() / per_epoch
        number, rest = divmod(epoch + 1, EPOCHS_PER_CYCLE)
        if rest == 0 and number <= BURN_IN:
            print(f"cycle {number}: train loss {total:.4f}")
        elif rest == 0:
            members.append(copy.deepcopy(net).eval())
            with torch.no_grad():
                each = torch.stack([m(*test_graph) for m in members]) * std + mean
            own = (each[-1] - test_y).pow(2).mean().sqrt()
            joint = (each.mean(0) - test_y).pow(2).mean().sqrt()
            print(f"cycle {number}: train loss {total:.4f}  test RMSE snapshot {own:.3f}  "
                  f"ensemble of {len(members)} {joint:.3f}")
    print(f"spread between snapshots {each.std(0).mean():.3f}, measurement noise 0.200")


if __name__ == "__main__":
    main()
