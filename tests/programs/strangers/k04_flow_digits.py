"""Class-conditional rectified flow on the 8x8 digits, with guidance and averaged weights."""
import copy
import math

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.neighbors import KNeighborsClassifier
from torch import nn

torch.manual_seed(0)
STEPS, BATCH, NULL = 1600, 128, 10


class FiLMBlock(nn.Module):
    def __init__(self, width, cond):
        super().__init__()
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.mod = nn.Linear(cond, 3 * width)
        self.ff = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
        nn.init.zeros_(self.mod.weight)
        nn.init.zeros_(self.mod.bias)

    def forward(self, h, c):
        shift, scale, gate = self.mod(c).chunk(3, dim=-1)
        return h + gate * self.ff(self.norm(h) * (1 + scale) + shift)


class Velocity(nn.Module):
    def __init__(self, dim=64, width=192, cond=64, depth=3):
        super().__init__()
        self.register_buffer("freqs", torch.exp(torch.linspace(0, math.log(60.0), cond // 2)))
        self.label = nn.Embedding(11, cond)
        self.time = nn.Sequential(nn.Linear(cond, cond), nn.SiLU(), nn.Linear(cond, cond))
        self.inp = nn.Linear(dim, width)
        self.blocks = nn.ModuleList(FiLMBlock(width, cond) for _ in range(depth))
        self.out = nn.Linear(width, dim)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, x, t, y):
        ang = t[:, None] * self.freqs[None]
        c = F.silu(self.time(torch.cat([ang.sin(), ang.cos()], -1)) + self.label(y))
        h = self.inp(x)
        for b in self.blocks:
            h = b(h, c)
        return self.out(h)


class EMA:
    def __init__(self, net, decay=0.995):
        self.net = copy.deepcopy(net).requires_grad_(False).eval()
        self.decay, self.n = decay, 0

    @torch.no_grad()
    def update(self, net):
        self.n += 1
        d = min(self.decay, (1 + self.n) / (10 + self.n))
        for a, b in zip(self.net.parameters(), net.parameters()):
            a.lerp_(b, 1 - d)


@torch.no_grad()
def sample(net, y, steps=30, guide=1.5):
    x = torch.randn(len(y), 64)
    null = torch.full_like(y, NULL)

    def field(x, t):
        tt = torch.full((len(x),), t)
        cond, free = net(x, tt, y), net(x, tt, null)
        return free + guide * (cond - free)

    ts = torch.linspace(0, 1, steps + 1).tolist()
    for a, b in zip(ts[:-1], ts[1:]):
        k1 = field(x, a)
        k2 = field(x + (b - a) * k1, b)
        x = x + (b - a) * 0.5 * (k1 + k2)
    return x


digits = load_digits()
order = np.random.default_rng(0).permutation(len(digits.data))
X = torch.tensor(digits.data[order] / 8.0 - 1.0, dtype=torch.float32)
Y = torch.tensor(digits.target[order])
x_tr, y_tr, x_te, y_te = X[:1400], Y[:1400], X[1400:], Y[1400:]

net = Velocity()
step_net = torch.compile(net, backend="eager")
ema = EMA(net)
opt = torch.optim.AdamW(net.parameters(), lr=1e-3, betas=(0.9, 0.99), weight_decay=0.0)
sched = torch.optim.lr_scheduler.SequentialLR(
    opt,
    [torch.optim.lr_scheduler.LinearLR(opt, 0.05, 1.0, total_iters=100),
     torch.optim.lr_scheduler.CosineAnnealingLR(opt, STEPS - 100, eta_min=2e-5)],
    milestones=[100])

running = None
for step in range(1, STEPS + 1):
    idx = torch.randint(len(x_tr), (BATCH,))
    x1, y = x_tr[idx], y_tr[idx].clone()
    x1 = x1 + torch.randn_like(x1) * 0.03
    y[torch.rand(BATCH) < 0.15] = NULL
    x0 = torch.randn_like(x1)
    t = torch.sigmoid(torch.randn(BATCH))
    xt = (1 - t[:, None]) * x0 + t[:, None] * x1
    loss = F.mse_loss(step_net(xt, t, y), x1 - x0)
    opt.zero_grad()
    loss.backward()
    gn = nn.utils.clip_grad_norm_(net.parameters(), 1.0)
    opt.step()
    sched.step()
    ema.update(net)
    running = loss.item() if running is None else 0.98 * running + 0.02 * loss.item()
    if step % 200 == 0:
        print(f"[{step:5d}] flow loss {running:.4f}  |g| {gn:.2f}  lr {sched.get_last_lr()[0]:.2e}")

knn = KNeighborsClassifier(3).fit(x_tr.numpy(), y_tr.numpy())
want = torch.arange(10).repeat_interleave(40)
fake = sample(ema.net, want)
hit = (knn.predict(fake.numpy()) == want.numpy()).mean()
d_fake = torch.cdist(fake, x_tr).min(1).values.mean().item()
d_real = torch.cdist(x_te, x_tr).min(1).values.mean().item()
cover = torch.cdist(x_te, fake).min(1).values.mean().item()
print(f"samples read as their label by kNN: {hit:.3f} (real test digits {knn.score(x_te.numpy(), y_te.numpy()):.3f})")
print(f"distance to nearest training digit: samples {d_fake:.3f}, real test {d_real:.3f}; test to nearest sample {cover:.3f}")
