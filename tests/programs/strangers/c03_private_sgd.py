"""Differentially private training on the breast cancer table.

Per-sample gradients come from vmap(grad(...)); each one is clipped, the sum gets
Gaussian noise, and the division is by the *expected* lot size (Poisson sampling,
so the real lot size varies from step to step, and could even be tiny).
"""
import argparse
import math

import torch
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from torch import nn
from torch.func import functional_call, grad, vmap

ap = argparse.ArgumentParser()
ap.add_argument("--clip", type=float, default=1.0)
ap.add_argument("--sigma", type=float, default=0.8)
ap.add_argument("--lot", type=int, default=64)
ap.add_argument("--steps", type=int, default=400)
ap.add_argument("--lr", type=float, default=0.25)
ap.add_argument("--seed", type=int, default=3)
args = ap.parse_args()

torch.manual_seed(args.seed)
gen = torch.Generator().manual_seed(args.seed + 1)

X, y = load_breast_cancer(return_X_y=True)
Xtr, Xte, ytr, yte = train_test_split(X, y, test_size=0.3, stratify=y, random_state=args.seed)
mu, sd = Xtr.mean(0), Xtr.std(0)
Xtr = torch.tensor((Xtr - mu) / sd, dtype=torch.float32)
Xte = torch.tensor((Xte - mu) / sd, dtype=torch.float32)
ytr = torch.tensor(ytr, dtype=torch.float32)
yte = torch.tensor(yte, dtype=torch.float32)

net = nn.Sequential(
    nn.Linear(30, 24), nn.LayerNorm(24), nn.Tanh(),
    nn.Linear(24, 12), nn.Tanh(),
    nn.Linear(12, 1),
)
# the live parameters are a plain dict; `net` only supplies the architecture
params = {k: v.detach().clone() for k, v in net.named_parameters()}
velocity = {k: torch.zeros_like(v) for k, v in params.items()}


def sample_loss(p, x, t):
    logit = functional_call(net, p, (x.unsqueeze(0),)).reshape(())
    return nn.functional.binary_cross_entropy_with_logits(logit, t)


per_sample_grad = vmap(grad(sample_loss), in_dims=(None, 0, 0))


def predict(p, x):
    with torch.no_grad():
        return functional_call(net, p, (x,)).squeeze(1)


q = args.lot / len(Xtr)
clipped_share = 0.0
for step in range(1, args.steps + 1):
    take = torch.rand(len(Xtr), generator=gen) < q
    if not take.any():
        continue
    g = per_sample_grad(params, Xtr[take], ytr[take])
    sq = sum(v.flatten(1).pow(2).sum(1) for v in g.values())
    factor = (args.clip / (sq.sqrt() + 1e-8)).clamp(max=1.0)
    clipped_share += (factor < 1).float().mean().item() / args.steps
    lr = args.lr * 0.5 * (1 + math.cos(math.pi * step / args.steps))
    for k in params:
        total = torch.einsum("n,n...->...", factor, g[k])
        total += args.sigma * args.clip * torch.randn(total.shape, generator=gen)
        velocity[k] = 0.9 * velocity[k] + total / args.lot
        params[k] = params[k] - lr * velocity[k]
    if step % 80 == 0:
        with torch.no_grad():
            z = predict(params, Xte)
            print(f"step {step:4d}  lot {int(take.sum()):3d}  "
                  f"train bce {nn.functional.binary_cross_entropy_with_logits(predict(params, Xtr), ytr):.4f}  "
                  f"test acc {((z > 0).float() == yte).float().mean():.4f}")

z = predict(params, Xte)
print(f"clipped share {clipped_share:.3f}")
print(f"majority baseline {max(yte.mean(), 1 - yte.mean()):.4f}")
print(f"test acc {((z > 0).float() == yte).float().mean():.4f}   test auc {roc_auc_score(yte, z):.4f}")
