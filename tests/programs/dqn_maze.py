"""Double DQN with a replay memory and a target network, in a maze with a moving door.

The agent sees where it is, where the goal is and whether the door is open; +1 at the goal, -0.02 per move.
"""
import copy
import random
from collections import deque, namedtuple

import numpy as np
import torch
import torch.nn as nn

Transition = namedtuple("Transition", "state action reward next_state done")

SIZE = 4
MOVES = [(-1, 0), (1, 0), (0, -1), (0, 1)]


class Maze:
    def __init__(self, rng):
        self.rng = rng

    def reset(self):
        self.pos = (int(self.rng.integers(SIZE)), 0)
        self.goal = (int(self.rng.integers(SIZE)), SIZE - 1)
        self.door = int(self.rng.integers(SIZE))  # the only gap in the wall in the middle column
        self.t = 0
        return self.observe()

    def observe(self):
        o = np.zeros(4 * SIZE, dtype=np.float32)
        o[self.pos[0]] = o[SIZE + self.pos[1]] = o[2 * SIZE + self.goal[0]] = o[3 * SIZE + self.door] = 1
        return o

    def step(self, action):
        dy, dx = MOVES[action]
        y, x = min(max(self.pos[0] + dy, 0), SIZE - 1), min(max(self.pos[1] + dx, 0), SIZE - 1)
        if x != SIZE // 2 or y == self.door:
            self.pos = (y, x)
        self.t += 1
        won = self.pos == self.goal
        return self.observe(), (1.0 if won else -0.02), won, self.t >= 25


class ReplayMemory:
    def __init__(self, capacity):
        self.memory = deque([], maxlen=capacity)

    def push(self, *args):
        self.memory.append(Transition(*args))

    def sample(self, n):
        batch = Transition(*zip(*random.sample(self.memory, n)))
        state, next_state = torch.from_numpy(np.stack(batch.state)), torch.from_numpy(np.stack(batch.next_state))
        return state, torch.tensor(batch.action), torch.tensor(batch.reward), next_state, torch.tensor(batch.done)

    def __len__(self):
        return len(self.memory)


class Dueling(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(4 * SIZE, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU())
        self.value, self.advantage = nn.Linear(64, 1), nn.Linear(64, len(MOVES))

    def forward(self, o):
        h = self.trunk(o)
        a = self.advantage(h)
        return self.value(h) + a - a.mean(dim=1, keepdim=True)


class Agent:
    def __init__(self, gamma=0.95, lr=2e-3):
        self.policy_net = Dueling()
        self.target_net = copy.deepcopy(self.policy_net)
        self.optimizer = torch.optim.AdamW(self.policy_net.parameters(), lr=lr, amsgrad=True)
        self.gamma = gamma

    def act(self, o, eps):
        if random.random() < eps:
            return random.randrange(len(MOVES))
        with torch.no_grad():
            return self.policy_net(torch.from_numpy(o)[None]).argmax(1).item()

    def learn(self, memory):
        state, action, reward, next_state, done = memory.sample(64)
        q = self.policy_net(state).gather(1, action.unsqueeze(1)).squeeze(1)
        with torch.no_grad():
            best = self.policy_net(next_state).argmax(1, keepdim=True)
            future = self.target_net(next_state).gather(1, best).squeeze(1)
            target = reward + self.gamma * future * ~done
        loss = nn.functional.smooth_l1_loss(q, target)
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_value_(self.policy_net.parameters(), 100)
        self.optimizer.step()
        return loss.item()

    def sync(self):
        self.target_net.load_state_dict(self.policy_net.state_dict())


def evaluate(agent, episodes=40):
    env, wins = Maze(np.random.default_rng(999)), 0
    for _ in range(episodes):
        o, over, won = env.reset(), False, False
        while not (over or won):
            o, _, won, over = env.step(agent.act(o, 0.0))
        wins += won
    return wins / episodes


def main(frames=4500):
    random.seed(1), torch.manual_seed(1)
    env, agent, memory = Maze(np.random.default_rng(1)), Agent(), ReplayMemory(4000)
    print(f"untrained: success {evaluate(agent):.2f}")
    o, losses = env.reset(), []
    for frame in range(1, frames + 1):
        action = agent.act(o, eps=max(0.05, 1 - frame / 2500))
        nxt, reward, won, over = env.step(action)
        memory.push(o, action, reward, nxt, won)
        o = env.reset() if won or over else nxt
        if len(memory) >= 500 and frame % 3 == 0:
            losses.append(agent.learn(memory))
        if frame % 250 == 0:
            agent.sync()
        if frame % 1500 == 0:
            print(f"frame {frame}: td loss {np.mean(losses[-200:]):.4f}, success {evaluate(agent):.2f}")


if __name__ == "__main__":
    main()
