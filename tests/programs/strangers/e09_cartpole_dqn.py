"""
DQN on cart-pole without gym: the physics are copied from the classic-control source,
the agent is from the PyTorch "Reinforcement Learning (DQN)" tutorial.
"""
import math
import random
from collections import deque, namedtuple

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

Transition = namedtuple("Transition", ("state", "action", "reward", "next_state", "done"))


class CartPole:
    gravity, masscart, masspole, length = 9.8, 1.0, 0.1, 0.5
    force_mag, tau = 10.0, 0.02
    x_limit, theta_limit = 2.4, 12 * 2 * math.pi / 360

    def __init__(self, seed, max_steps=200):
        self.rng = np.random.default_rng(seed)
        self.max_steps = max_steps
        self.state = None
        self.t = 0

    def reset(self):
        self.state = self.rng.uniform(-0.05, 0.05, size=4).astype(np.float32)
        self.t = 0
        return self.state

    def step(self, action):
        _, x_dot, theta, theta_dot = self.state
        force = self.force_mag if action == 1 else -self.force_mag
        total = self.masscart + self.masspole
        polemass = self.masspole * self.length
        cos, sin = math.cos(theta), math.sin(theta)
        temp = (force + polemass * theta_dot ** 2 * sin) / total
        thetaacc = (self.gravity * sin - cos * temp) / (
            self.length * (4.0 / 3.0 - self.masspole * cos ** 2 / total))
        xacc = temp - polemass * thetaacc * cos / total
        self.state += self.tau * np.array([x_dot, xacc, theta_dot, thetaacc], dtype=np.float32)
        self.t += 1
        fallen = abs(self.state[0]) > self.x_limit or abs(self.state[2]) > self.theta_limit
        return self.state, 1.0, fallen, self.t >= self.max_steps


class ReplayMemory:
    def __init__(self, capacity):
        self.memory = deque([], maxlen=capacity)

    def push(self, *args):
        self.memory.append(Transition(*args))

    def sample(self, batch_size):
        batch = Transition(*zip(*random.sample(self.memory, batch_size)))
        return (torch.from_numpy(np.stack(batch.state)),
                torch.tensor(batch.action),
                torch.tensor(batch.reward),
                torch.from_numpy(np.stack(batch.next_state)),
                torch.tensor(batch.done, dtype=torch.float32))

    def __len__(self):
        return len(self.memory)


class DQN(nn.Module):
    def __init__(self, n_obs, n_actions, hidden=96):
        super().__init__()
        self.layer1 = nn.Linear(n_obs, hidden)
        self.layer2 = nn.Linear(hidden, hidden)
        self.layer3 = nn.Linear(hidden, n_actions)

    def forward(self, x):
        x = F.relu(self.layer1(x))
        x = F.relu(self.layer2(x))
        return self.layer3(x)


BATCH_SIZE = 64
GAMMA = 0.99
EPS_START, EPS_END, EPS_DECAY = 0.9, 0.03, 1500
TAU = 0.01
LR = 1e-3
MAX_FRAMES = 9000

random.seed(4)
np.random.seed(4)
torch.manual_seed(4)

env = CartPole(seed=4)
policy_net = DQN(4, 2)
target_net = DQN(4, 2)
target_net.load_state_dict(policy_net.state_dict())
optimizer = torch.optim.AdamW(policy_net.parameters(), lr=LR, amsgrad=True)
memory = ReplayMemory(10000)
frames = 0


def select_action(state, eps):
    if random.random() < eps:
        return random.randrange(2)
    with torch.no_grad():
        return int(policy_net(torch.as_tensor(state)).argmax())


def optimize_model():
    if len(memory) < 500:
        return None
    s, a, r, s2, done = memory.sample(BATCH_SIZE)
    q = policy_net(s).gather(1, a.unsqueeze(1)).squeeze(1)
    with torch.no_grad():
        target = r + GAMMA * (1.0 - done) * target_net(s2).max(1).values
    loss = F.smooth_l1_loss(q, target)
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_value_(policy_net.parameters(), 100)
    optimizer.step()
    for tp, p in zip(target_net.parameters(), policy_net.parameters()):
        tp.data.mul_(1 - TAU).add_(p.data, alpha=TAU)
    return loss.item()


durations, losses, last_print = [], deque(maxlen=200), 0
while frames < MAX_FRAMES:
    state = env.reset()
    while True:
        eps = EPS_END + (EPS_START - EPS_END) * math.exp(-frames / EPS_DECAY)
        action = select_action(state, eps)
        next_state, reward, fallen, timeout = env.step(action)
        memory.push(state, action, reward, next_state, fallen)
        state = next_state
        frames += 1
        loss = optimize_model()
        if loss is not None:
            losses.append(loss)
        if fallen or timeout:
            durations.append(env.t)
            break
    if frames - last_print >= 1000:
        last_print = frames
        print(f"frame {frames:5d}  episodes {len(durations):4d}  eps {eps:.2f}  "
              f"mean of last 10: {np.mean(durations[-10:]):6.1f}  loss {np.mean(losses or [0]):.4f}")

test_env = CartPole(seed=1234)
returns = []
for _ in range(20):
    state, total = test_env.reset(), 0.0
    while True:
        state, reward, fallen, timeout = test_env.step(select_action(state, 0.0))
        total += reward
        if fallen or timeout:
            break
    returns.append(total)
print(f"greedy policy over {len(returns)} episodes: {np.mean(returns):.1f} +- {np.std(returns):.1f} (max 200)")
