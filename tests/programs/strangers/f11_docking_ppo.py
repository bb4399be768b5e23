# PPO on a hand-written vectorised docking task. Single file, single thread.
import time

import numpy as np
import torch
import torch.nn as nn
from torch.distributions import Categorical

SEED = 2
N_ENVS, HORIZON, UPDATES = 16, 64, 25
EPOCHS, MINIBATCH = 4, 256
GAMMA, LAM, CLIP = 0.99, 0.95, 0.2
VF_COEF, ENT_COEF, LR = 0.5, 0.005, 2e-3
REWARD_SCALE = 0.1
MAX_STEPS = 60


class Docking:
    """n tugs on a plane; each has to come to rest at its berth before the time is up."""

    THRUST = np.array([[0, 0], [1, 0], [-1, 0], [0, 1], [0, -1]], dtype=float)

    def __init__(self, n, rng):
        self.n, self.rng = n, rng
        self.s = self.start(n)  # position, velocity
        self.t = rng.integers(0, MAX_STEPS, n)
        self.total = np.zeros(n)

    def start(self, n):
        s = np.concatenate([self.rng.uniform(-2.0, 2.0, (n, 2)), self.rng.normal(0, 0.3, (n, 2))], axis=1)
        return s.astype(np.float32)

    def step(self, action):
        pos, vel = self.s[:, :2], self.s[:, 2:]
        vel *= 0.8
        vel += 0.3 * self.THRUST[action] + self.rng.normal(0, 0.01, (self.n, 2))
        pos += 0.15 * vel
        self.t += 1
        dist = np.linalg.norm(pos, axis=1)
        reward = -dist - 0.05 * (action > 0)
        lost = dist > 5.0
        reward = np.where(lost, reward - 20.0, reward)
        late = (self.t >= MAX_STEPS) & ~lost
        self.total += reward
        final, returns = self.s.copy(), self.total.copy()
        over = lost | late
        self.s[over] = self.start(over.sum())
        self.t[over], self.total[over] = 0, 0.0
        return final, reward, lost, over, returns[over]


def tensor(a):
    return torch.as_tensor(a, dtype=torch.float32)


def layer(i, o, gain):
    m = nn.Linear(i, o)
    nn.init.orthogonal_(m.weight, gain)
    nn.init.zeros_(m.bias)
    return m


class Agent(nn.Module):
    def __init__(self):
        super().__init__()
        self.pi = nn.Sequential(layer(4, 64, 1.4), nn.Tanh(), layer(64, 64, 1.4), nn.Tanh(), layer(64, 5, 0.01))
        self.vf = nn.Sequential(layer(4, 64, 1.4), nn.Tanh(), layer(64, 64, 1.4), nn.Tanh(), layer(64, 1, 1.0))

    def act(self, obs):
        dist = Categorical(logits=self.pi(obs))
        a = dist.sample()
        return a, dist.log_prob(a), self.vf(obs)[:, 0]


def collect(env, agent, returns):
    obs_b, act_b, logp_b, val_b, rew_b, end_b = [], [], [], [], [], []
    with torch.no_grad():
        for _ in range(HORIZON):
            obs = tensor(env.s)
            a, logp, v = agent.act(obs)
            final, r, lost, over, done = env.step(a.numpy())
            returns.extend(done.tolist())
            reward = tensor(r) * REWARD_SCALE
            # time-outs are not failures: bootstrap from the state that was cut off
            cut = tensor(over & ~lost)
            reward += GAMMA * agent.vf(tensor(final))[:, 0] * cut
            for buf, item in zip((obs_b, act_b, logp_b, val_b, rew_b, end_b), (obs, a, logp, v, reward, tensor(over))):
                buf.append(item)
        last = agent.vf(tensor(env.s))[:, 0]
    val, rew, end = torch.stack(val_b), torch.stack(rew_b), torch.stack(end_b)
    adv = torch.zeros_like(val)
    run = torch.zeros(env.n)
    for t in reversed(range(HORIZON)):
        nxt = last if t == HORIZON - 1 else val[t + 1]
        delta = rew[t] + GAMMA * nxt * (1 - end[t]) - val[t]
        run = delta + GAMMA * LAM * (1 - end[t]) * run
        adv[t] = run
    ret = adv + val
    return [b.flatten(0, 1) for b in (torch.stack(obs_b), torch.stack(act_b), torch.stack(logp_b), adv, ret)]


def update(agent, opt, batch):
    obs, act, logp_old, adv, ret = batch
    for _ in range(EPOCHS):
        for i in torch.randperm(len(obs)).split(MINIBATCH):
            dist = Categorical(logits=agent.pi(obs[i]))
            ratio = (dist.log_prob(act[i]) - logp_old[i]).exp()
            a = (adv[i] - adv[i].mean()) / (adv[i].std() + 1e-8)
            policy_loss = -torch.min(ratio * a, ratio.clamp(1 - CLIP, 1 + CLIP) * a).mean()
            value_loss = (agent.vf(obs[i])[:, 0] - ret[i]).pow(2).mean()
            loss = policy_loss + VF_COEF * value_loss - ENT_COEF * dist.entropy().mean()
            opt.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(agent.parameters(), 0.5)
            opt.step()
    return policy_loss.item(), value_loss.item()


def main():
    torch.manual_seed(SEED)
    rng = np.random.default_rng(SEED)
    env, agent = Docking(N_ENVS, rng), Agent()
    opt = torch.optim.Adam(agent.parameters(), lr=LR, eps=1e-5)
    start = time.time()
    recent = []
    for u in range(1, UPDATES + 1):
        for g in opt.param_groups:
            g["lr"] = LR * (1 - (u - 1) / UPDATES)
        returns = []
        pl, vl = update(agent, opt, collect(env, agent, returns))
        recent = (recent + returns)[-40:]
        if u % 5 == 0:
            print(f"update {u:3d}  policy {pl:+.4f}  value {vl:7.3f}  mean return of the last 40 episodes "
                  f"{np.mean(recent):7.1f}  [{time.time() - start:.1f}s]")

    n = 200
    test = Docking(n, np.random.default_rng(77))
    test.t[:] = 0
    score, done = np.zeros(n), np.zeros(n, dtype=bool)
    for _ in range(MAX_STEPS):
        with torch.no_grad():
            a = agent.pi(tensor(test.s)).argmax(1).numpy()
        final, r, _, over, _ = test.step(a)
        score += r * ~done
        done |= over
    miss = np.linalg.norm(final[:, :2], axis=1)
    print(f"greedy policy, {n} tugs: mean return {score.mean():.1f}, within 0.3 of the berth at the end {np.mean(miss < 0.3):.2f}")


if __name__ == "__main__":
    main()
