"""DQN that docks a little 1-D ship: position and velocity, thrusters left / off / right,
a bit of wind. +10 for standing still at the dock, -10 for leaving the channel."""
import random

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

SEED = 0
random.seed(SEED)
np.random.seed(SEED)
torch.manual_seed(SEED)


class DockEnv:
    n_actions = 3
    max_steps = 60

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.state = np.zeros(3, dtype=np.float32)      # position, velocity, wind

    def reset(self):
        self.t = 0
        self.state[0] = self.rng.uniform(-1.5, 1.5)
        self.state[1] = self.rng.uniform(-0.1, 0.1)
        self.state[2] = self.rng.uniform(-0.02, 0.02)
        return self.observe()

    def observe(self):
        return self.state

    def step(self, action):
        self.t += 1
        self.state[1] += 0.06 * (action - 1) + self.state[2]
        self.state[0] += self.state[1]
        pos, vel = abs(self.state[0]), abs(self.state[1])
        reward = -0.2 * float(pos)
        docked = pos < 0.12 and vel < 0.08
        lost = pos > 2.0
        reward += 10.0 if docked else -10.0 if lost else 0.0
        done = bool(docked or lost)
        return self.observe(), reward, done, self.t >= self.max_steps, docked


class Replay:
    def __init__(self, size, dim):
        self.s = np.zeros((size, dim), np.float32)
        self.s2 = np.zeros((size, dim), np.float32)
        self.a = np.zeros(size, np.int64)
        self.r = np.zeros(size, np.float32)
        self.done = np.zeros(size, np.float32)
        self.size, self.n = size, 0

    def add(self, s, a, r, s2, done):
        i = self.n % self.size
        self.s[i], self.a[i], self.r[i], self.s2[i], self.done[i] = s, a, r, s2, done
        self.n += 1

    def sample(self, k):
        idx = np.random.randint(0, min(self.n, self.size), k)
        return [torch.from_numpy(v[idx]) for v in (self.s, self.a, self.r, self.s2, self.done)]


def make_q():
    return nn.Sequential(nn.Linear(3, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, DockEnv.n_actions))


SCALE = torch.tensor([1.0, 5.0, 50.0])


@torch.no_grad()
def greedy(q, s):
    return int(q(torch.from_numpy(s) * SCALE).argmax())


def evaluate(q, episodes=100):
    env = DockEnv(seed=4242)
    total, wins = 0.0, 0
    for _ in range(episodes):
        s, over = env.reset(), False
        while not over:
            s, r, done, timeout, docked = env.step(greedy(q, s))
            total += r
            wins += docked
            over = done or timeout
    return total / episodes, wins / episodes


GAMMA, EPS_STEPS, STEPS, WARMUP, BATCH = 0.97, 4000, 7500, 500, 64

q, q_target = make_q(), make_q()
q_target.load_state_dict(q.state_dict())
opt = torch.optim.Adam(q.parameters(), lr=1e-3)
env, memory = DockEnv(seed=1), Replay(10000, 3)

print("before training: return %.2f, docked %.2f" % evaluate(q))
s = env.reset()
losses = []
for step in range(1, STEPS + 1):
    eps = max(0.05, 1.0 - step / EPS_STEPS)
    a = random.randrange(DockEnv.n_actions) if random.random() < eps else greedy(q, s)
    s2, r, done, timeout, _ = env.step(a)
    memory.add(s, a, r, s2, float(done))
    s = env.reset() if done or timeout else s2

    if step >= WARMUP:
        bs, ba, br, bs2, bd = memory.sample(BATCH)
        with torch.no_grad():
            # double DQN: the online net picks, the target net rates
            pick = q(bs2 * SCALE).argmax(1, keepdim=True)
            nxt = q_target(bs2 * SCALE).gather(1, pick).squeeze(1)
            target = br + GAMMA * (1 - bd) * nxt
        value = q(bs * SCALE).gather(1, ba[:, None]).squeeze(1)
        loss = F.smooth_l1_loss(value, target)
        opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(q.parameters(), 10.0)
        opt.step()
        losses.append(loss.item())
        for tp, p in zip(q_target.parameters(), q.parameters()):
            tp.data.lerp_(p.data, 0.01)

    if step % 1500 == 0:
        ret, win = evaluate(q)
        print(f"step {step:5d}  eps {eps:.2f}  td loss {np.mean(losses[-500:]):.4f}  return {ret:7.2f}  docked {win:.2f}")

print("final: return %.2f, docked %.2f" % evaluate(q, episodes=200))
