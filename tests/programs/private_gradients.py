"""Differentially private training: one gradient per sample, each clipped, noise on their sum.

The gradients come from `torch.func`; nothing calls backward, they are written into `.grad` by hand.
"""
import torch
import torch.nn as nn
from sklearn.datasets import load_breast_cancer
from torch.func import functional_call, grad, vmap

CLIP, NOISE, LOT, STEPS = 1.0, 0.6, 60, 160

torch.manual_seed(18)
table = load_breast_cancer()
x = torch.tensor(table.data, dtype=torch.float32)
y = torch.tensor(table.target, dtype=torch.float32)
order = torch.randperm(len(x))
x, y = x[order], y[order]
x = (x - x[:420].mean(0)) / x[:420].std(0)
x_train, y_train, x_test, y_test = x[:420], y[:420], x[420:], y[420:]

model = nn.Sequential(nn.Linear(30, 16), nn.Tanh(), nn.Linear(16, 1), nn.Flatten(0))
optimizer = torch.optim.SGD(model.parameters(), lr=0.3, momentum=0.5)


def loss_of_one(weights, sample, label):
    logit = functional_call(model, weights, (sample.unsqueeze(0),))
    return nn.functional.binary_cross_entropy_with_logits(logit, label.unsqueeze(0))


per_sample = vmap(grad(loss_of_one), in_dims=(None, 0, 0))


def privatize(gradients, count):
    """Bound what one sample can change, and hide the rest in noise."""
    norms = torch.stack([g.flatten(1).norm(dim=1) for g in gradients.values()], dim=1).norm(dim=1)
    scale = (CLIP / (norms + 1e-6)).clamp(max=1.0)
    private = {}
    for name, g in gradients.items():
        total = torch.einsum("n,n...->...", scale, g)
        private[name] = (total + NOISE * CLIP * torch.randn_like(total)) / count
    return private, norms.median().item()


def report(step, norm):
    with torch.no_grad():
        logits = model(x_test)
        loss = nn.functional.binary_cross_entropy_with_logits(logits, y_test)
        accuracy = ((logits > 0) == y_test.bool()).float().mean()
    print(f"step {step}: median norm {norm:.3f} test loss {loss:.4f} accuracy {accuracy:.3f}")


for step in range(1, STEPS + 1):
    lot = torch.rand(len(x_train)) < LOT / len(x_train)  # Poisson sampling, as the accountant assumes
    weights = {name: p.detach() for name, p in model.named_parameters()}
    private, norm = privatize(per_sample(weights, x_train[lot], y_train[lot]), LOT)
    for name, p in model.named_parameters():
        p.grad = private[name]
    optimizer.step()
    optimizer.zero_grad()
    if step % 40 == 0:
        report(step, norm)
