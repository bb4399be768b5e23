"""Probabilistic ensemble of dynamics models for a driven pendulum on a cart-like pivot (vmapped members, open-loop check)."""
import copy

import numpy as np
import torch
from torch import nn
from torch.func import functional_call, stack_module_state, vmap

MEMBERS, STEPS, BATCH, HORIZON = 5, 900, 128, 25


def simulate(rng, n_traj, length=60, dt=0.05):
    """state (theta, omega, pivot velocity), action in [-1, 1]; smooth random excitation; small process noise."""
    th = rng.uniform(-np.pi, np.pi, n_traj)
    om = rng.normal(0, 1.0, n_traj)
    v = np.zeros(n_traj)
    a = np.zeros(n_traj)
    S, A = [], []
    for _ in range(length):
        a = np.clip(0.85 * a + rng.normal(0, 0.4, n_traj), -1, 1)
        S.append(np.stack([th, om, v], 1))
        A.append(a.copy())
        for _ in range(5):
            acc = 4.0 * a - 0.6 * v
            dom = -9.0 * np.sin(th) - acc * np.cos(th) - 0.15 * om
            th, om, v = th + dt / 5 * om, om + dt / 5 * dom, v + dt / 5 * acc
        om = om + rng.normal(0, 0.02, n_traj)
    return np.stack(S, 1).astype(np.float32), np.stack(A, 1).astype(np.float32)[..., None]


def features(s, a):
    return torch.cat([s[..., :1].sin(), s[..., :1].cos(), s[..., 1:] / 3.0, a], -1)


class Member(nn.Module):
    def __init__(self, width=64):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(5, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU(),
                                  nn.Linear(width, 6))
        self.lo, self.hi = -7.0, 1.0

    def forward(self, x):
        mean, raw = self.body(x).chunk(2, -1)
        log_sd = self.hi - nn.functional.softplus(self.hi - raw)
        return mean, self.lo + nn.functional.softplus(log_sd - self.lo)


def main():
    torch.manual_seed(2)
    rng = np.random.default_rng(2)
    S, A = simulate(rng, 80)
    train_s, train_a = torch.from_numpy(S[:60]), torch.from_numpy(A[:60])
    test_s, test_a = torch.from_numpy(S[60:]), torch.from_numpy(A[60:])
    s0, a0 = train_s[:, :-1].reshape(-1, 3), train_a[:, :-1].reshape(-1, 1)
    delta = (train_s[:, 1:] - train_s[:, :-1]).reshape(-1, 3)
    d_mean, d_std = delta.mean(0), delta.std(0)
    x_all, y_all = features(s0, a0), (delta - d_mean) / d_std

    members = [Member() for _ in range(MEMBERS)]
    params, buffers = stack_module_state(members)
    skeleton = copy.deepcopy(members[0]).to("meta")

    def call(p, b, x):
        return functional_call(skeleton, (p, b), (x,))

    ensemble = vmap(call)
    opt = torch.optim.Adam(params.values(), lr=3e-3)
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, STEPS, eta_min=1e-5)
    boot = torch.randint(len(x_all), (MEMBERS, len(x_all)))
    for step in range(1, STEPS + 1):
        pick = boot.gather(1, torch.randint(len(x_all), (MEMBERS, BATCH)))
        mean, log_sd = ensemble(params, buffers, x_all[pick])
        nll = (0.5 * ((y_all[pick] - mean) * torch.exp(-log_sd)).square() + log_sd).mean(dim=(1, 2))
        # a sum over the members, so that each one has the gradient it would have alone
        loss = nll.sum()
        opt.zero_grad()
        loss.backward()
        opt.step()
        sched.step()
        if step % 150 == 0:
            print(f"step {step:4d}  nll per member " + " ".join(f"{v:+.2f}" for v in nll.tolist()))

    @torch.no_grad()
    def one_step(s, a):
        x = features(s, a)
        mean, log_sd = ensemble(params, buffers, x.expand(MEMBERS, *x.shape))
        return mean * d_std + d_mean, log_sd.exp() * d_std

    # one step ahead: error and calibration
    s, a, target = test_s[:, :-1], test_a[:, :-1], test_s[:, 1:] - test_s[:, :-1]
    mean, sd = one_step(s, a)
    mix = mean.mean(0)
    total = (sd.square().mean(0) + mean.var(0)).sqrt()
    r2 = 1 - (mix - target).square().sum((0, 1)) / (target - target.mean((0, 1))).square().sum((0, 1))
    z = ((target - mix) / total)[..., 1]
    print("one-step R2 (theta, omega, v): " + " ".join(f"{v:.4f}" for v in r2.tolist())
          + f"   |z| < 1 for omega: {(z.abs() < 1).float().mean():.3f}")

    # open loop: the model is fed its own predictions, the recorded actions are replayed
    lin_x = torch.cat([s0, a0, torch.ones(len(s0), 1)], 1)
    lin = torch.linalg.lstsq(lin_x, delta).solution
    errors = {"ensemble": [], "linear": [], "still": []}
    for start in range(0, test_s.shape[1] - HORIZON, 10):
        m = q = test_s[:, start]
        for k in range(HORIZON):
            act = test_a[:, start + k]
            m = m + one_step(m, act)[0].mean(0)
            q = q + torch.cat([q, act, torch.ones(len(q), 1)], 1) @ lin
        truth = test_s[:, start + HORIZON]
        for name, guess in (("ensemble", m), ("linear", q), ("still", test_s[:, start])):
            errors[name].append((guess - truth)[:, 0].square().mean())
    for name, e in errors.items():
        print(f"{HORIZON}-step open-loop RMSE of theta, {name:9s} {torch.stack(e).mean().sqrt().item():.3f} rad")


if __name__ == "__main__":
    main()
