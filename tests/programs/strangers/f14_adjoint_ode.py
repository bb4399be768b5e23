"""Neural ODE with a hand-written adjoint: two interleaved spirals, RK4 with a fixed step."""
import argparse
import time

import numpy as np
import torch
import torch.nn as nn


class Field(nn.Module):
    def __init__(self, dim, hidden):
        super().__init__()
        self.a = nn.Linear(dim + 1, hidden)
        self.b = nn.Linear(hidden, hidden)
        self.c = nn.Linear(hidden, dim)

    def forward(self, t, z):
        tt = torch.full_like(z[:, :1], t)
        h = torch.tanh(self.a(torch.cat([z, tt], dim=1)))
        return self.c(torch.tanh(self.b(h)))


def rk4(f, t, z, h):
    k1 = f(t, z)
    k2 = f(t + h / 2, [zi + h / 2 * k for zi, k in zip(z, k1)])
    k3 = f(t + h / 2, [zi + h / 2 * k for zi, k in zip(z, k2)])
    k4 = f(t + h, [zi + h * k for zi, k in zip(z, k3)])
    return [zi + h / 6 * (p + 2 * q + 2 * r + s) for zi, p, q, r, s in zip(z, k1, k2, k3, k4)]


class OdeSolve(torch.autograd.Function):
    @staticmethod
    def forward(ctx, field, z0, t1, steps, *params):
        h = t1 / steps
        state = [z0]
        for i in range(steps):
            state = rk4(lambda t, s: [field(t, s[0])], i * h, state, h)
        ctx.field, ctx.t1, ctx.steps = field, t1, steps
        ctx.save_for_backward(state[0], *params)
        return state[0]

    @staticmethod
    def backward(ctx, grad_z):
        z1, *params = ctx.saved_tensors
        field, h = ctx.field, ctx.t1 / ctx.steps

        def dynamics(t, s):
            z, a = s[0], s[1]
            with torch.enable_grad():
                z = z.detach().requires_grad_(True)
                dz = field(t, z)
                out = torch.autograd.grad(dz, [z, *params], a)
            return [dz.detach(), -out[0], *(-g for g in out[1:])]

        # z, its adjoint and the parameter gradients run backwards together
        state = [z1, grad_z, *(torch.zeros_like(p) for p in params)]
        for i in range(ctx.steps, 0, -1):
            state = rk4(dynamics, i * h, state, -h)
        return None, state[1], None, None, *state[2:]


class NeuralOde(nn.Module):
    def __init__(self, extra=2, hidden=32, steps=8, t1=1.0):
        super().__init__()
        self.extra, self.steps, self.t1 = extra, steps, t1
        self.field = Field(2 + extra, hidden)
        self.read = nn.Linear(2 + extra, 1)

    def flow(self, x):
        z = torch.cat([x, x.new_zeros(len(x), self.extra)], dim=1)
        return OdeSolve.apply(self.field, z, self.t1, self.steps, *self.field.parameters())

    def forward(self, x):
        return self.read(self.flow(x)).squeeze(1)


def spirals(n, seed):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    r = rng.uniform(0.25, 2.0, n)
    ang = 2.6 * r + np.pi * y
    x = np.stack([r * np.cos(ang), r * np.sin(ang)], axis=1) + rng.normal(0, 0.06, (n, 2))
    return torch.tensor(x, dtype=torch.float32), torch.tensor(y, dtype=torch.float32)


def gradient_check(model, x):
    """Adjoint gradient against the one obtained by differentiating through the solver."""
    params = list(model.field.parameters())
    adjoint = torch.autograd.grad(model(x).pow(2).sum(), params)
    state, h = [torch.cat([x, x.new_zeros(len(x), model.extra)], dim=1)], model.t1 / model.steps
    for i in range(model.steps):
        state = rk4(lambda t, s: [model.field(t, s[0])], i * h, state, h)
    direct = torch.autograd.grad(model.read(state[0]).pow(2).sum(), params)
    return max(((a - b).norm() / b.norm()).item() for a, b in zip(adjoint, direct))


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--iters", type=int, default=120)
    p.add_argument("--batch", type=int, default=96)
    p.add_argument("--lr", type=float, default=1e-2)
    p.add_argument("--seed", type=int, default=0)
    args = p.parse_args()
    torch.manual_seed(args.seed)
    x, y = spirals(1500, 1)
    xt, yt = spirals(600, 2)
    model = NeuralOde()
    print(f"relative gradient error of the adjoint: {gradient_check(model, x[:32]):.1e}")
    opt = torch.optim.Adam(model.parameters(), lr=args.lr)
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, args.iters)
    t0 = time.time()
    for it in range(1, args.iters + 1):
        idx = torch.randint(0, len(x), (args.batch,))
        loss = nn.functional.binary_cross_entropy_with_logits(model(x[idx]), y[idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
        sched.step()
        if it % 20 == 0:
            with torch.no_grad():
                acc = ((model(xt) > 0) == (yt > 0.5)).float().mean().item()
                path = (model.flow(xt)[:, :2] - xt).norm(dim=1).mean().item()
            print(f"{it:4d}  loss {loss.item():.4f}  test acc {acc:.3f}  mean displacement {path:.2f}  {time.time() - t0:.1f}s")
    print(f"relative gradient error of the adjoint: {gradient_check(model, x[:32]):.1e}")


if __name__ == "__main__":
    main()
