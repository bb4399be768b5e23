#!/usr/bin/env python
"""
Physics-informed network for a heated rod (diffusion with a source) on x in [0, 1], t in [0, 1]:

    u_t = D u_xx + s(x, t),    u(0, t) = u(1, t) = 0,    u(x, 0) = sin(pi x)

with s chosen such that  u*(x, t) = exp(-t) sin(pi x) + t sin(2 pi x)  solves it, so
that there is something to compare with.
"""
import math
import time

import torch

D = 0.15
PI = math.pi

torch.manual_seed(31)


def exact(x, t):
    return torch.exp(-t) * torch.sin(PI * x) + t * torch.sin(2 * PI * x)


def source(x, t):
    a = torch.exp(-t) * torch.sin(PI * x)
    b = torch.sin(2 * PI * x)
    return -a + b + D * PI ** 2 * a + D * 4 * PI ** 2 * t * b


class Field(torch.nn.Module):
    def __init__(self, width=32, depth=3):
        super().__init__()
        sizes = [2] + [width] * depth
        self.hidden = torch.nn.ModuleList(torch.nn.Linear(i, o) for i, o in zip(sizes[:-1], sizes[1:]))
        self.last = torch.nn.Linear(width, 1)
        for layer in [*self.hidden, self.last]:
            torch.nn.init.xavier_normal_(layer.weight)
            torch.nn.init.zeros_(layer.bias)

    def forward(self, x, t):
        h = torch.cat([2 * x - 1, 2 * t - 1], dim=1)
        for layer in self.hidden:
            h = torch.tanh(layer(h))
        return self.last(h)


def derivatives(net, x, t):
    x = x.requires_grad_(True)
    t = t.requires_grad_(True)
    u = net(x, t)
    ones = torch.ones_like(u)
    u_t, = torch.autograd.grad(u, t, ones, create_graph=True)
    u_x, = torch.autograd.grad(u, x, ones, create_graph=True)
    u_xx, = torch.autograd.grad(u_x, x, torch.ones_like(u_x), retain_graph=True)
    return u, u_t, u_xx


def residual(net, x, t):
    s = source(x, t)
    _, u_t, u_xx = derivatives(net, x, t)
    return u_t - D * u_xx - s


def boundary_points(n):
    x0 = torch.rand(n, 1)
    tb = torch.rand(n, 1)
    left, right = torch.zeros(n, 1), torch.ones(n, 1)
    x = torch.cat([x0, left, right])
    t = torch.cat([torch.zeros(n, 1), tb, tb])
    u = torch.cat([torch.sin(PI * x0), torch.zeros(2 * n, 1)])
    return x, t, u


def relative_error(net):
    g = torch.linspace(0, 1, 51)
    x, t = torch.meshgrid(g, g, indexing="ij")
    x, t = x.reshape(-1, 1), t.reshape(-1, 1)
    with torch.no_grad():
        u = net(x, t)
    ref = exact(x, t)
    return ((u - ref).norm() / ref.norm()).item()


def main(steps=1500, n_inside=256, n_edge=64, weight=5.0):
    net = Field()
    opt = torch.optim.Adam(net.parameters(), lr=3e-3)
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, T_max=steps, eta_min=1e-5)
    print(f"relative L2 error at the start {relative_error(net):.4f}")
    begin = time.time()
    for step in range(1, steps + 1):
        r = residual(net, torch.rand(n_inside, 1), torch.rand(n_inside, 1))
        xb, tb, ub = boundary_points(n_edge)
        loss_pde = r.pow(2).mean()
        loss_bc = (net(xb, tb) - ub).pow(2).mean()
        loss = loss_pde + weight * loss_bc
        opt.zero_grad()
        loss.backward()
        opt.step()
        sched.step()
        if step % 250 == 0:
            print(f"step {step:5d}  pde {loss_pde.item():.5f}  boundary {loss_bc.item():.6f}  "
                  f"relative L2 error {relative_error(net):.4f}")
    print(f"done in {time.time() - begin:.1f} s")
    print(f"final relative L2 error {relative_error(net):.4f}")


if __name__ == "__main__":
    main()
