"""DQN for the room in world.py."""
import copy
import random
from collections import deque

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

from world import Room, SIDE

SEED = 0
EPISODES = 140
MAX_STEPS = 40
GAMMA = 0.97
BATCH = 64
WARMUP = 300
SYNC_EVERY = 150

random.seed(SEED)
np.random.seed(SEED)
torch.manual_seed(SEED)


class QNet(nn.Module):
    """Takes (row, col) positions; the table of one-hot coordinates is built inside."""

    def __init__(self, n_actions):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2 * SIDE, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(),
                                 nn.Linear(64, n_actions))

    def forward(self, pos):
        onehot = F.one_hot(pos.long(), SIDE).float()
        return self.net(onehot.flatten(1))


class Replay:
    def __init__(self, size):
        self.items = deque(maxlen=size)

    def push(self, *transition):
        self.items.append(transition)

    def draw(self, n):
        s, a, r, s2, d = zip(*random.sample(self.items, n))
        return (torch.from_numpy(np.stack(s)), torch.tensor(a), torch.tensor(r),
                torch.from_numpy(np.stack(s2)), torch.tensor(d, dtype=torch.float32))

    def __len__(self):
        return len(self.items)


class Agent:
    def __init__(self, n_actions):
        self.n_actions = n_actions
        self.q = QNet(n_actions)
        self.q_target = copy.deepcopy(self.q).requires_grad_(False)
        self.opt = torch.optim.Adam(self.q.parameters(), lr=1e-3)
        self.memory = Replay(10_000)
        self.updates = 0

    def act(self, pos, eps):
        if random.random() < eps:
            return random.randrange(self.n_actions)
        with torch.no_grad():
            return int(self.q(torch.from_numpy(pos)[None]).argmax(1))

    def learn(self):
        s, a, r, s2, d = self.memory.draw(BATCH)
        chosen = self.q(s).gather(1, a[:, None]).squeeze(1)
        with torch.no_grad():
            best = self.q_target(s2).max(1).values
            goal = r + GAMMA * (1 - d) * best
        loss = F.smooth_l1_loss(chosen, goal)
        self.opt.zero_grad()
        loss.backward()
        self.opt.step()
        self.updates += 1
        if self.updates % SYNC_EVERY == 0:
            self.q_target.load_state_dict(self.q.state_dict())
        return loss.item()


def play(env, agent, eps, train):
    s, total = env.reset(), 0.0
    for _ in range(MAX_STEPS):
        a = agent.act(s, eps)
        s2, r, done = env.step(a)
        total += r
        if train:
            agent.memory.push(s, a, r, s2, done)
            if len(agent.memory) >= WARMUP:
                agent.learn()
        s = s2
        if done:
            break
    return total, done


if __name__ == "__main__":
    env, agent = Room(), Agent(Room.n_actions)
    recent = deque(maxlen=20)
    for ep in range(EPISODES):
        eps = max(0.1, 1.0 - ep / 70)
        total, _ = play(env, agent, eps, train=True)
        recent.append(total)
        if (ep + 1) % 20 == 0:
            print(f"episode {ep + 1:3d}  eps {eps:.2f}  return (last 20) {np.mean(recent):+.2f}")

    agent.q.eval()
    results = [play(env, agent, eps=0.05, train=False) for _ in range(30)]
    print(f"evaluation: mean return {np.mean([r for r, _ in results]):+.2f},"
          f" goal reached in {sum(ok for _, ok in results)} of {len(results)} episodes")
