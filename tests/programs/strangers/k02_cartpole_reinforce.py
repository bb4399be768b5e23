# policy gradient with a learned baseline on a home-made cart-pole
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.distributions import Categorical

GAMMA = 0.98
EPISODES_PER_UPDATE = 5
UPDATES = 70
MAX_STEPS = 200


class CartPole:
    """The classic dynamics (Barto, Sutton & Anderson), Euler steps of 20 ms."""

    g, mc, mp, length, force, tau = 9.8, 1.0, 0.1, 0.5, 10.0, 0.02

    def __init__(self, rng):
        self.rng = rng

    def reset(self):
        self.s = self.rng.uniform(-0.05, 0.05, size=4)
        self.t = 0
        return self.s.astype(np.float32)

    def step(self, action):
        x, v, th, w = self.s
        f = self.force if action == 1 else -self.force
        total = self.mc + self.mp
        tmp = (f + self.mp * self.length * w * w * np.sin(th)) / total
        acc_th = (self.g * np.sin(th) - np.cos(th) * tmp) / (
            self.length * (4 / 3 - self.mp * np.cos(th) ** 2 / total))
        acc = tmp - self.mp * self.length * acc_th * np.cos(th) / total
        self.s = np.array([x + self.tau * v, v + self.tau * acc, th + self.tau * w, w + self.tau * acc_th])
        self.t += 1
        fell = abs(self.s[0]) > 2.4 or abs(self.s[2]) > 0.2095
        return self.s.astype(np.float32), 1.0, bool(fell or self.t >= MAX_STEPS)


class Actor(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(4, hidden), nn.Tanh(), nn.Linear(hidden, 2))

    def forward(self, obs):
        return Categorical(logits=self.net(obs))


class Critic(nn.Module):
    def __init__(self, hidden=64):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(4, hidden), nn.Tanh(), nn.Linear(hidden, hidden), nn.Tanh(),
                                 nn.Linear(hidden, 1))

    def forward(self, obs):
        return self.net(obs)


def rollout(env, actor, greedy=False):
    obs, acts, rews = [], [], []
    o, done = env.reset(), False
    with torch.no_grad():
        while not done:
            dist = actor(torch.from_numpy(o))
            a = dist.probs.argmax().item() if greedy else dist.sample().item()
            obs.append(o)
            acts.append(a)
            o, r, done = env.step(a)
            rews.append(r)
    return np.array(obs), np.array(acts), np.array(rews)


def discounted(rews):
    out, run = np.zeros_like(rews), 0.0
    for i in reversed(range(len(rews))):
        run = rews[i] + GAMMA * run
        out[i] = run
    return out


def update(actor, critic, opt_a, opt_c, batch):
    obs = torch.from_numpy(np.concatenate([b[0] for b in batch]))
    acts = torch.from_numpy(np.concatenate([b[1] for b in batch]))
    rets = torch.from_numpy(np.concatenate([discounted(b[2]) for b in batch])).float().unsqueeze(1)

    values = critic(obs)
    value_loss = F.mse_loss(values, rets)
    opt_c.zero_grad()
    value_loss.backward()
    torch.nn.utils.clip_grad_norm_(critic.parameters(), 5.0)
    opt_c.step()

    adv = rets - values.detach()
    adv = (adv - adv.mean()) / (adv.std() + 1e-8)
    dist = actor(obs)
    policy_loss = -(dist.log_prob(acts) * adv).mean() - 0.005 * dist.entropy().mean()
    opt_a.zero_grad()
    policy_loss.backward()
    torch.nn.utils.clip_grad_norm_(actor.parameters(), 1.0)
    opt_a.step()
    return policy_loss.item(), value_loss.item(), dist.entropy().mean().item()


if __name__ == "__main__":
    torch.manual_seed(3)
    env = CartPole(np.random.default_rng(3))
    actor, critic = Actor(), Critic()
    opt_a = torch.optim.Adam(actor.parameters(), lr=1e-2)
    opt_c = torch.optim.Adam(critic.parameters(), lr=1e-2)
    avg = None
    for it in range(1, UPDATES + 1):
        batch = [rollout(env, actor) for _ in range(EPISODES_PER_UPDATE)]
        length = np.mean([len(b[1]) for b in batch])
        avg = length if avg is None else 0.9 * avg + 0.1 * length
        pl, vl, ent = update(actor, critic, opt_a, opt_c, batch)
        if it % 10 == 0:
            print(f"update {it:3d} | return {length:6.1f} (avg {avg:6.1f}) | pi {pl:+.3f} | v {vl:8.2f} | H {ent:.3f}")
    test_env = CartPole(np.random.default_rng(1000))
    scores = [len(rollout(test_env, actor, greedy=True)[1]) for _ in range(20)]
    print(f"greedy policy over 20 fresh episodes: mean {np.mean(scores):.1f}, min {min(scores)}, max {max(scores)}")
