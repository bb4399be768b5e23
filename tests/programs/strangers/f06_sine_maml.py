# MAML on sine waves, the functional way: grad inside vmap, no module state is ever written by the inner loop.
import math
import time
from functools import partial

import torch
import torch.nn as nn
from torch.func import functional_call, grad, vmap

torch.manual_seed(21)
TASKS, SHOTS, QUERY = 25, 8, 15
INNER_LR, INNER_STEPS = 0.02, 3
OUTER_LR, ITERS = 2e-3, 1000

net = nn.Sequential(
    nn.Linear(1, 40), nn.Tanh(),
    nn.Linear(40, 40), nn.Tanh(),
    nn.Linear(40, 1),
)


def sample_tasks(n, shots, query, gen=None):
    amp = 0.5 + 4.5 * torch.rand(n, 1, 1, generator=gen)
    phase = math.pi * torch.rand(n, 1, 1, generator=gen)
    x = 10 * torch.rand(n, shots + query, 1, generator=gen) - 5
    y = amp * torch.sin(x + phase)
    return x[:, :shots], y[:, :shots], x[:, shots:], y[:, shots:]


def mse(params, x, y):
    return ((functional_call(net, params, (x,)) - y) ** 2).mean()


def adapt(params, lrs, x, y, steps):
    for _ in range(steps):
        g = grad(mse)(params, x, y)
        # the step size of every tensor is itself learnt (Meta-SGD, one scalar per tensor)
        params = {k: p - lrs[k].exp() * g[k] for k, p in params.items()}
    return params


def task_loss(params, lrs, xs, ys, xq, yq, steps=INNER_STEPS):
    return mse(adapt(params, lrs, xs, ys, steps), xq, yq)


def lossy(params, lrs, batch, steps=INNER_STEPS):
    f = partial(task_loss, steps=steps)
    return vmap(f, in_dims=(None, None, 0, 0, 0, 0))(params, lrs, *batch)


def fine_tune_from_scratch(batch, steps):
    """Baseline: the same adaptation from a fresh random initialisation."""
    fresh = {}
    for k, p in net.named_parameters():
        fresh[k] = torch.zeros_like(p) if p.dim() == 1 else torch.randn_like(p) / math.sqrt(p.shape[1])
    flat = {k: torch.tensor(math.log(INNER_LR)) for k in fresh}
    with torch.no_grad():
        return lossy(fresh, flat, batch, steps).mean().item()


params = {k: p.detach().clone().requires_grad_() for k, p in net.named_parameters()}
lrs = {k: torch.tensor(math.log(INNER_LR), requires_grad=True) for k in params}
opt = torch.optim.Adam([
    {"params": list(params.values()), "lr": OUTER_LR},
    {"params": list(lrs.values()), "lr": 5e-3},
])
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, ITERS, eta_min=2e-4)
holdout = sample_tasks(200, SHOTS, QUERY, torch.Generator().manual_seed(99))

t0 = time.time()
smooth = None
for it in range(1, ITERS + 1):
    per_task = lossy(params, lrs, sample_tasks(TASKS, SHOTS, QUERY))
    loss = per_task.mean()
    opt.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(list(params.values()) + list(lrs.values()), 10.0)
    opt.step()
    sched.step()
    smooth = loss.item() if smooth is None else 0.98 * smooth + 0.02 * loss.item()
    if it % 200 == 0:
        with torch.no_grad():
            held = lossy(params, lrs, holdout).mean().item()
        print(f"{it:5d}  meta-train {smooth:6.3f}  held-out tasks {held:6.3f}  [{time.time() - t0:4.1f}s]")

with torch.no_grad():
    for steps in (0, 1, 3, 6):
        mine = lossy(params, lrs, holdout, steps).mean().item()
        other = fine_tune_from_scratch(holdout, steps)
        print(f"{steps} gradient steps: meta-learnt {mine:6.3f}   random start {other:6.3f}")
    print("learnt inner step sizes:", "  ".join(f"{k} {v.exp().item():.3f}" for k, v in lrs.items()))
