"""REINFORCE on my own vectorised CartPole (no gym here), 32 carts at once.

Loss is NOT supposed to go down in any nice way, look at the return instead.
"""
import math

import torch
from torch import nn
from torch.distributions import Bernoulli

torch.manual_seed(4)


class Carts:
    """classic constants; a cart that has fallen is frozen until everybody is done"""

    G, MC, MP, L, F, DT = 9.8, 1.0, 0.1, 0.5, 10.0, 0.02
    LIMIT = 200

    def __init__(self, n):
        self.n = n

    def reset(self, generator=None):
        self.s = (torch.rand(self.n, 4, generator=generator) - 0.5) * 0.1
        self.alive = torch.ones(self.n, dtype=torch.bool)
        return self.s

    def step(self, push_right):
        x, v, th, om = self.s.unbind(1)
        force = torch.where(push_right, self.F, -self.F)
        total = self.MC + self.MP
        cos, sin = th.cos(), th.sin()
        tmp = (force + self.MP * self.L * om ** 2 * sin) / total
        acc_th = (self.G * sin - cos * tmp) / (self.L * (4 / 3 - self.MP * cos ** 2 / total))
        acc_x = tmp - self.MP * self.L * acc_th * cos / total
        new = torch.stack([x + self.DT * v, v + self.DT * acc_x, th + self.DT * om, om + self.DT * acc_th], dim=1)
        reward = self.alive.float()
        self.s = torch.where(self.alive[:, None], new, self.s)
        fallen = (self.s[:, 0].abs() > 2.4) | (self.s[:, 2].abs() > 12 * math.pi / 180)
        self.alive = self.alive & ~fallen
        return self.s, reward


policy = nn.Sequential(nn.Linear(4, 32), nn.Tanh(), nn.Linear(32, 1))
critic = nn.Sequential(nn.Linear(4, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 1))
pi_opt = torch.optim.Adam(policy.parameters(), lr=1e-2)
v_opt = torch.optim.Adam(critic.parameters(), lr=5e-3)
SCALE = torch.tensor([1.0, 1.0, 5.0, 1.0])
GAMMA = 0.98


def rollout(env):
    states, actions, rewards, masks = [], [], [], []
    s = env.reset()
    for _ in range(env.LIMIT):
        mask = env.alive
        with torch.no_grad():
            a = Bernoulli(logits=policy(s * SCALE).squeeze(1)).sample()
        s_next, r = env.step(a.bool())
        states.append(s)
        actions.append(a)
        rewards.append(r)
        masks.append(mask)
        s = s_next
        if not env.alive.any():
            break
    return torch.stack(states), torch.stack(actions), torch.stack(rewards), torch.stack(masks)


def returns_to_go(rewards):
    out = torch.empty_like(rewards)
    acc = torch.zeros(rewards.shape[1])
    for t in reversed(range(len(rewards))):
        acc = rewards[t] + GAMMA * acc
        out[t] = acc
    return out


@torch.no_grad()
def play(n=64):
    """greedy policy, starting positions of its own"""
    env = Carts(n)
    s, total = env.reset(torch.Generator().manual_seed(1000)), torch.zeros(n)
    for _ in range(env.LIMIT):
        s, r = env.step(policy(s * SCALE).squeeze(1) > 0)
        total += r
    return total.mean().item()


@torch.no_grad()
def random_score(n=64):
    env = Carts(n)
    env.reset(torch.Generator().manual_seed(1000))
    return sum(env.step(torch.rand(n) < 0.5)[1] for _ in range(env.LIMIT)).mean().item()


def main(iterations=60):
    env = Carts(32)
    print(f"random pushes: {random_score():.1f}   untrained policy: {play():.1f}")
    for it in range(1, iterations + 1):
        s, a, r, m = rollout(env)
        ret = returns_to_go(r)
        keep = m.flatten()
        s, a, ret_flat = s.flatten(0, 1)[keep], a.flatten()[keep], ret.flatten()[keep]

        for _ in range(5):
            v_loss = (critic(s * SCALE).squeeze(1) - ret_flat / 20).pow(2).mean()
            v_opt.zero_grad()
            v_loss.backward()
            v_opt.step()

        with torch.no_grad():
            adv = ret_flat / 20 - critic(s * SCALE).squeeze(1)
            adv = (adv - adv.mean()) / (adv.std() + 1e-6)
        dist = Bernoulli(logits=policy(s * SCALE).squeeze(1))
        surrogate = -(dist.log_prob(a) * adv).mean()
        loss = surrogate - 0.005 * dist.entropy().mean()
        pi_opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(policy.parameters(), 1.0)
        pi_opt.step()

        if it % 10 == 0:
            print(f"iteration {it:3d}  sampled return {r.sum(0).mean():6.1f}  policy loss {loss.item():+.4f}  "
                  f"value loss {v_loss.item():.4f}  greedy return {play():6.1f}")
    print(f"final greedy return {play():.1f} of {Carts.LIMIT}")


main()
