"""Balance a pole on a cart with advantage actor-critic; sixteen carts are simulated side by side."""

import numpy as np
import torch
from torch import nn
from torch.distributions import Categorical

CARTS, HORIZON, UPDATES = 16, 20, 60
GAMMA, ENTROPY_WEIGHT, VALUE_WEIGHT = 0.97, 0.01, 0.5


class PoleCarts:
    """The textbook cart-pole, vectorised. A cart that fails starts again at once."""

    FORCE, STEP, GRAVITY, HALF_POLE, POLE_MASS, TOTAL_MASS = 10.0, 0.02, 9.8, 0.5, 0.1, 1.1

    def __init__(self, count, seed):
        self.random = np.random.default_rng(seed)
        self.state = self.fresh(count)

    def fresh(self, count):
        return self.random.uniform(-0.05, 0.05, size=(count, 4))

    def observe(self):
        return torch.as_tensor(self.state * np.array([1.0, 0.5, 5.0, 0.5]), dtype=torch.float32)

    def step(self, actions):
        x, speed, angle, spin = self.state.T
        force = np.where(actions == 1, self.FORCE, -self.FORCE)
        sin, cos = np.sin(angle), np.cos(angle)
        push = (force + self.POLE_MASS * self.HALF_POLE * spin**2 * sin) / self.TOTAL_MASS
        turn = (self.GRAVITY * sin - cos * push) / (
            self.HALF_POLE * (4 / 3 - self.POLE_MASS * cos**2 / self.TOTAL_MASS)
        )
        drive = push - self.POLE_MASS * self.HALF_POLE * turn * cos / self.TOTAL_MASS
        change = np.stack([speed, drive, spin, turn], axis=1)
        self.state = self.state + self.STEP * change
        failed = (np.abs(self.state[:, 0]) > 2.4) | (np.abs(self.state[:, 2]) > 0.21)
        self.state[failed] = self.fresh(int(failed.sum()))
        return np.where(failed, -1.0, 0.1), failed


class Agent(nn.Module):
    def __init__(self, width=48):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(4, width), nn.Tanh(), nn.Linear(width, width), nn.Tanh())
        self.policy = nn.Linear(width, 2)
        self.critic = nn.Linear(width, 1)

    def forward(self, observation):
        features = self.trunk(observation)
        return Categorical(logits=self.policy(features)), self.critic(features).squeeze(-1)


def play(agent, carts):
    log_probs, values, entropies, rewards, alive = [], [], [], [], []
    for _ in range(HORIZON):
        choice, value = agent(carts.observe())
        action = choice.sample()
        reward, failed = carts.step(action.numpy())
        log_probs.append(choice.log_prob(action))
        entropies.append(choice.entropy())
        values.append(value)
        rewards.append(torch.as_tensor(reward, dtype=torch.float32))
        alive.append(torch.as_tensor(~failed, dtype=torch.float32))
    with torch.no_grad():
        _, future = agent(carts.observe())
    returns = []
    for reward, keep in zip(reversed(rewards), reversed(alive)):
        future = reward + GAMMA * keep * future
        returns.insert(0, future)
    return torch.stack(log_probs), torch.stack(values), torch.stack(entropies), torch.stack(returns), rewards


@torch.no_grad()
def survive(agent, seed, limit=200):
    carts = PoleCarts(CARTS, seed)
    steps = np.zeros(CARTS)
    standing = np.ones(CARTS, dtype=bool)
    for _ in range(limit):
        choice, _ = agent(carts.observe())
        _, failed = carts.step(choice.probs.argmax(dim=-1).numpy())
        standing &= ~failed
        steps += standing
        if not standing.any():
            break
    return steps.mean()


torch.manual_seed(5)
agent = Agent()
carts = PoleCarts(CARTS, seed=11)
optimizer = torch.optim.RMSprop(agent.parameters(), lr=1e-3, alpha=0.99, eps=1e-5)
print(f"before training: {survive(agent, seed=99):.0f} steps upright")

for update in range(1, UPDATES + 1):
    log_probs, values, entropies, returns, rewards = play(agent, carts)
    advantage = returns - values.detach()
    policy_loss = -(log_probs * advantage).mean()
    value_loss = (returns - values).pow(2).mean()
    loss = policy_loss + VALUE_WEIGHT * value_loss - ENTROPY_WEIGHT * entropies.mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if update % 15 == 0:
        mean_reward = torch.stack(rewards).mean()
        upright = survive(agent, seed=1000 + update)
        print(f"update {update:3d}  reward {mean_reward:+.3f}  loss {loss.item():+.3f}  upright {upright:.0f}")
