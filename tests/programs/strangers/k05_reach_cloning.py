"""Behaviour cloning from scripted tele-operation demos: a small transformer maps a window of states to an action chunk."""
import argparse
import math

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, random_split

HIST, CHUNK, LEN = 6, 8, 70


def demo(rng):
    """One tele-operated reach with a two-link arm; every operator drifts in his own way."""
    q = rng.uniform([-1.0, 0.4], [1.0, 1.8])
    goal = rng.uniform([-1.2, 0.3], [1.2, 2.0])
    gain = rng.uniform(0.04, 0.12)
    wobble = np.zeros(2)
    wander = rng.uniform(0.05, 0.12, size=2)
    bend = rng.normal(0, 0.035, size=2)
    phase = rng.uniform(0, 2 * math.pi, size=2)
    states, actions = [], []
    dq = np.zeros(2)
    for t in range(LEN):
        wobble = 0.96 * wobble + rng.normal(0, 0.010, size=2)
        cmd = gain * (goal - q) + bend * np.sin(wander * t + phase) + wobble
        tip = [np.cos(q[0]) + np.cos(q.sum()), np.sin(q[0]) + np.sin(q.sum())]
        states.append(np.concatenate([q, dq, tip, goal]) + rng.normal(0, 0.002, size=8))
        actions.append(cmd)
        dq = 0.4 * dq + 0.6 * cmd
        q = q + dq
    return np.array(states, np.float32), np.array(actions, np.float32)


class Windows(Dataset):
    """state[t-HIST+1 .. t] -> action[t .. t+CHUNK-1], for every t of every demo."""

    def __init__(self, demos):
        self.demos = demos
        self.index = [(d, t) for d in range(len(demos)) for t in range(HIST - 1, LEN - CHUNK)]

    def __len__(self):
        return len(self.index)

    def __getitem__(self, i):
        d, t = self.index[i]
        s, a = self.demos[d]
        return torch.from_numpy(s[t - HIST + 1:t + 1]), torch.from_numpy(a[t:t + CHUNK])


class ChunkPolicy(nn.Module):
    def __init__(self, obs=8, act=2, width=64, heads=4, layers=2):
        super().__init__()
        self.embed = nn.Linear(obs, width)
        self.pos = nn.Parameter(torch.randn(HIST, width) * 0.02)
        layer = nn.TransformerEncoderLayer(width, heads, 128, dropout=0.0, batch_first=True, norm_first=True)
        self.enc = nn.TransformerEncoder(layer, layers, norm=nn.LayerNorm(width), enable_nested_tensor=False)
        self.head = nn.Sequential(nn.Linear(width * HIST, 192), nn.GELU(), nn.Linear(192, CHUNK * act))

    def forward(self, s):
        h = self.enc(self.embed(s) + self.pos)
        return self.head(h.flatten(1)).unflatten(1, (CHUNK, -1))


def scores(policy, loader, norm):
    policy.eval()
    err, ref = 0.0, 0.0
    with torch.no_grad():
        for s, a in loader:
            pred = policy((s - norm["sm"]) / norm["ss"]) * norm["as"] + norm["am"]
            err += (pred - a).pow(2).sum().item()
            ref += (a - norm["am"]).pow(2).sum().item()
    return 1 - err / ref


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--demos", type=int, default=60)
    ap.add_argument("--epochs", type=int, default=25)
    ap.add_argument("--lr", type=float, default=1.5e-3)
    ap.add_argument("--seed", type=int, default=0)
    args = ap.parse_args()

    rng = np.random.default_rng(args.seed)
    torch.manual_seed(args.seed)
    data = Windows([demo(rng) for _ in range(args.demos)])
    n_val = len(data) // 5
    train, val = random_split(data, [len(data) - n_val, n_val], generator=torch.Generator().manual_seed(args.seed))

    s_all = torch.stack([train[i][0][-1] for i in range(len(train))])
    a_all = torch.stack([train[i][1][0] for i in range(len(train))])
    norm = {"sm": s_all.mean(0), "ss": s_all.std(0), "am": a_all.mean(0), "as": a_all.std(0)}

    tr = DataLoader(train, batch_size=64, shuffle=True, drop_last=True)
    va = DataLoader(val, batch_size=256)
    policy = ChunkPolicy()
    opt = torch.optim.AdamW(policy.parameters(), lr=args.lr, weight_decay=1e-4)
    sched = torch.optim.lr_scheduler.OneCycleLR(opt, args.lr, total_steps=args.epochs * len(tr), pct_start=0.1)
    print(f"{len(train)} training and {len(val)} validation windows from {args.demos} demos")
    for epoch in range(1, args.epochs + 1):
        policy.train()
        total = 0.0
        for s, a in tr:
            pred = policy((s - norm["sm"]) / norm["ss"])
            loss = nn.functional.smooth_l1_loss(pred, (a - norm["am"]) / norm["as"])
            opt.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(policy.parameters(), 1.0)
            opt.step()
            sched.step()
            total += loss.item()
        if epoch % 5 == 0:
            print(f"epoch {epoch:3d}  loss {total / len(tr):.4f}  action R2 on validation {scores(policy, va, norm):.3f}")
    print(f"expected action R2 on new demonstrations: {scores(policy, va, norm):.3f}")


if __name__ == "__main__":
    main()
