# Reptile (Nichol et al.) on 1-d sine regression.
import copy
import numpy as np
import torch
from torch import nn

rng = np.random.RandomState(0)
torch.manual_seed(0)

INNER_LR, INNER_STEPS, SHOTS = 0.02, 5, 20
META_LR, META_ITERS, TASKS_PER_META = 1e-3, 800, 3

make_net = lambda: nn.Sequential(nn.Linear(1, 48), nn.Tanh(), nn.Linear(48, 48), nn.Tanh(), nn.Linear(48, 1))


class Sine:
    def __init__(self):
        self.amp = rng.uniform(0.8, 2.5)
        self.phase = rng.uniform(0, 0.6 * np.pi)

    def draw(self, n):
        x = torch.tensor(rng.uniform(-3, 3, size=(n, 1)), dtype=torch.float32)
        return x, self.truth(x)

    def truth(self, x):
        return self.amp * torch.sin(x + self.phase)


def adapt(net, x, y, steps):
    """Plain SGD on a throw-away copy; the network that came in stays as it is."""
    fast = copy.deepcopy(net)
    sgd = torch.optim.SGD(fast.parameters(), lr=INNER_LR)
    for _ in range(steps):
        sgd.zero_grad()
        nn.functional.mse_loss(fast(x), y).backward()
        sgd.step()
    return fast


def meta_test(net, n_tasks=40, steps=10):
    state = rng.get_state()
    rng.seed(999)
    before = after = 0.0
    grid = torch.linspace(-3, 3, 100).unsqueeze(1)
    for _ in range(n_tasks):
        task = Sine()
        fast = adapt(net, *task.draw(SHOTS), steps=steps)
        with torch.no_grad():
            before += nn.functional.mse_loss(net(grid), task.truth(grid)).item()
            after += nn.functional.mse_loss(fast(grid), task.truth(grid)).item()
    rng.set_state(state)
    return before / n_tasks, after / n_tasks


net = make_net()
meta_opt = torch.optim.Adam(net.parameters(), lr=META_LR, betas=(0.0, 0.999))
print("untrained       : before %.3f   after adaptation %.3f" % meta_test(net))

for it in range(1, META_ITERS + 1):
    for p in net.parameters():
        p.grad = torch.zeros_like(p)
    for _ in range(TASKS_PER_META):
        task = Sine()
        fast = adapt(net, *task.draw(SHOTS), steps=INNER_STEPS)
        for p, q in zip(net.parameters(), fast.parameters()):
            p.grad.add_(p.data - q.data, alpha=1.0 / TASKS_PER_META)
    meta_opt.step()
    if it % 200 == 0:
        for group in meta_opt.param_groups:
            group["lr"] *= 0.8
        print("meta iter %5d : before %.3f   after adaptation %.3f" % ((it,) + meta_test(net)))
