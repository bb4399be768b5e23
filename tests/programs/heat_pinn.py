"""A physics-informed network for the heat equation u_t = k u_xx on a rod, with known initial and boundary values.

No data at all: the residual of the equation is the loss, its derivatives come from autograd. Adam first, L-BFGS to finish.
"""
import math

import torch
import torch.nn as nn

K = 0.1
torch.set_default_dtype(torch.float64)
torch.manual_seed(2)


class Sine(nn.Module):
    def forward(self, x):
        return torch.sin(x)


class Field(nn.Module):
    def __init__(self, width=24):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2, width), Sine(), nn.Linear(width, width), Sine(), nn.Linear(width, 1))

    def forward(self, x, t):
        return self.net(torch.stack([2 * x - 1, 2 * t - 1], dim=-1)).squeeze(-1)


def exact(x, t):
    return torch.exp(-K * math.pi**2 * t) * torch.sin(math.pi * x) + 0.5 * torch.exp(-K * 4 * math.pi**2 * t) * torch.sin(2 * math.pi * x)


def derivative(y, x):
    return torch.autograd.grad(y, x, torch.ones_like(y), create_graph=True)[0]


def residual(u, x, t):
    x, t = x.requires_grad_(), t.requires_grad_()
    value = u(x, t)
    u_t, u_x = derivative(value, t), derivative(value, x)
    return u_t - K * derivative(u_x, x)


def physics_loss(u, x, t, x0, tb):
    pde = residual(u, x, t).pow(2).mean()
    start = (u(x0, torch.zeros_like(x0)) - exact(x0, torch.zeros_like(x0))).pow(2).mean()
    edges = u(torch.zeros_like(tb), tb).pow(2).mean() + u(torch.ones_like(tb), tb).pow(2).mean()
    return pde + 10 * start + 10 * edges


def relative_error(u):
    x, t = torch.meshgrid(torch.linspace(0, 1, 40), torch.linspace(0, 1, 40), indexing="ij")
    with torch.no_grad():
        truth = exact(x, t)
        return ((u(x, t) - truth).norm() / truth.norm()).item()


u = Field()
sampler = torch.quasirandom.SobolEngine(2, scramble=True, seed=2)
print(f"untrained: error {relative_error(u):.3f}")

adam = torch.optim.Adam(u.parameters(), lr=5e-3)
for step in range(300):
    x, t = sampler.draw(200).double().unbind(1)
    loss = physics_loss(u, x.clone(), t.clone(), torch.rand(40), torch.rand(40))
    adam.zero_grad()
    loss.backward()
    adam.step()
    if step % 100 == 99:
        print(f"adam {step + 1}: loss {loss.item():.5f} error {relative_error(u):.4f}")

x, t = sampler.draw(300).double().unbind(1)
x0, tb = torch.linspace(0, 1, 50), torch.linspace(0, 1, 50)
lbfgs = torch.optim.LBFGS(u.parameters(), lr=1.0, max_iter=15, history_size=20, line_search_fn="strong_wolfe")


def closure():
    lbfgs.zero_grad()
    loss = physics_loss(u, x.detach().clone(), t.detach().clone(), x0, tb)
    loss.backward()
    return loss


for round_ in range(6):
    loss = lbfgs.step(closure)
print(f"l-bfgs: loss {loss.item():.6f} error {relative_error(u):.4f}")
