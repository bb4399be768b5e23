# single-file DQN, in the spirit of CleanRL
import random
import time
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim


@dataclass
class Args:
    exp_name: str = "gridworld_dqn"
    seed: int = 1
    total_timesteps: int = 7000
    learning_rate: float = 1e-3
    buffer_size: int = 8000
    gamma: float = 0.9
    target_network_frequency: int = 200
    batch_size: int = 64
    start_e: float = 1.0
    end_e: float = 0.05
    exploration_fraction: float = 0.5
    learning_starts: int = 500
    train_frequency: int = 1
    eval_episodes: int = 200


class GridWorld:
    """5x5 grid, random start, random goal, two pits that end the episode."""

    size = 5
    pits = {(1, 1), (3, 3)}
    moves = ((-1, 0), (0, 1), (1, 0), (0, -1))
    max_steps = 40

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.state = np.zeros(4, dtype=np.float32)

    def _free_cell(self):
        while True:
            cell = tuple(int(v) for v in self.rng.integers(0, self.size, 2))
            if cell not in self.pits:
                return cell

    def _get_obs(self):
        self.state[:2] = self.pos
        self.state[2:] = self.goal
        self.state *= 2.0 / (self.size - 1)
        self.state -= 1.0
        return self.state

    def reset(self):
        self.goal = self._free_cell()
        self.pos = self._free_cell()
        while self.pos == self.goal:
            self.pos = self._free_cell()
        self.t = 0
        return self._get_obs()

    def step(self, action):
        dr, dc = self.moves[action]
        r = min(max(self.pos[0] + dr, 0), self.size - 1)
        c = min(max(self.pos[1] + dc, 0), self.size - 1)
        self.pos = (r, c)
        self.t += 1
        terminated, reward = False, -0.02
        if self.pos == self.goal:
            terminated, reward = True, 1.0
        elif self.pos in self.pits:
            terminated, reward = True, -1.0
        truncated = (not terminated) and self.t >= self.max_steps
        return self._get_obs(), reward, terminated, truncated


class ReplayBuffer:
    def __init__(self, size, obs_dim, rng):
        self.obs = np.zeros((size, obs_dim), np.float32)
        self.next_obs = np.zeros((size, obs_dim), np.float32)
        self.actions = np.zeros(size, np.int64)
        self.rewards = np.zeros(size, np.float32)
        self.dones = np.zeros(size, np.float32)
        self.size, self.pos, self.full, self.rng = size, 0, False, rng

    def add(self, obs, next_obs, action, reward, done):
        i = self.pos
        self.obs[i] = obs
        self.next_obs[i] = next_obs
        self.actions[i] = action
        self.rewards[i] = reward
        self.dones[i] = float(done)
        self.pos = (i + 1) % self.size
        self.full = self.full or self.pos == 0

    def sample(self, n):
        idx = self.rng.integers(0, self.size if self.full else self.pos, n)
        arrays = (self.obs, self.next_obs, self.actions, self.rewards, self.dones)
        return [torch.from_numpy(a[idx]) for a in arrays]


class QNetwork(nn.Module):
    def __init__(self, obs_dim, n_actions):
        super().__init__()
        self.network = nn.Sequential(
            nn.Linear(obs_dim, 96), nn.ReLU(),
            nn.Linear(96, 96), nn.ReLU(),
            nn.Linear(96, n_actions))

    def forward(self, x):
        return self.network(x)


def linear_schedule(start_e, end_e, duration, t):
    slope = (end_e - start_e) / duration
    return max(slope * t + start_e, end_e)


def evaluate(q_network, seed, episodes):
    env, successes, returns = GridWorld(seed), 0, []
    for _ in range(episodes):
        obs, total, over, reward = env.reset(), 0.0, False, 0.0
        while not over:
            with torch.no_grad():
                action = int(q_network(torch.from_numpy(obs).unsqueeze(0)).argmax(1))
            obs, reward, terminated, truncated = env.step(action)
            total += reward
            over = terminated or truncated
        successes += reward == 1.0
        returns.append(total)
    return successes / episodes, float(np.mean(returns))


if __name__ == "__main__":
    args = Args()
    random.seed(args.seed)
    np.random.seed(args.seed)
    torch.manual_seed(args.seed)
    start_time = time.time()

    env = GridWorld(args.seed)
    q_network = QNetwork(4, 4)
    optimizer = optim.Adam(q_network.parameters(), lr=args.learning_rate)
    target_network = QNetwork(4, 4)
    target_network.load_state_dict(q_network.state_dict())
    rb = ReplayBuffer(args.buffer_size, 4, np.random.default_rng(args.seed + 1))

    obs = env.reset()
    for global_step in range(args.total_timesteps):
        epsilon = linear_schedule(args.start_e, args.end_e,
                                  args.exploration_fraction * args.total_timesteps, global_step)
        if random.random() < epsilon:
            action = random.randrange(4)
        else:
            with torch.no_grad():
                action = int(q_network(torch.from_numpy(obs).unsqueeze(0)).argmax(1))

        next_obs, reward, terminated, truncated = env.step(action)
        rb.add(obs, next_obs, action, reward, terminated)
        obs = env.reset() if (terminated or truncated) else next_obs

        if global_step > args.learning_starts and global_step % args.train_frequency == 0:
            s, s_next, a, r, d = rb.sample(args.batch_size)
            with torch.no_grad():
                target_max, _ = target_network(s_next).max(dim=1)
                td_target = r + args.gamma * target_max * (1 - d)
            old_val = q_network(s).gather(1, a.unsqueeze(1)).squeeze(1)
            loss = F.smooth_l1_loss(td_target, old_val)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if global_step % 1500 == 0:
                print(f"step={global_step} eps={epsilon:.2f} td_loss={loss.item():.4f} "
                      f"q={old_val.mean().item():.3f}")
        if global_step % args.target_network_frequency == 0:
            target_network.load_state_dict(q_network.state_dict())

    success, mean_return = evaluate(q_network, seed=999, episodes=args.eval_episodes)
    print(f"SPS: {int(args.total_timesteps / (time.time() - start_time))}")
    print(f"eval success_rate={success:.3f} mean_return={mean_return:.3f}")
