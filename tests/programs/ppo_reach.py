"""Proximal policy optimisation: steer a point mass to a random target with continuous forces.

In the manner of a single-file implementation: rollouts of 16 environments, generalised advantages, several epochs of minibatches
over the same rollout, clipped ratios, learning rate annealed to nothing.
"""
import argparse

import numpy as np
import torch
import torch.nn as nn
from torch.distributions.normal import Normal


def parse_args():
    p = argparse.ArgumentParser()
    p.add_argument("--seed", type=int, default=2)
    p.add_argument("--num-envs", type=int, default=16)
    p.add_argument("--num-steps", type=int, default=40)
    p.add_argument("--iterations", type=int, default=20)
    p.add_argument("--update-epochs", type=int, default=4)
    p.add_argument("--num-minibatches", type=int, default=4)
    p.add_argument("--learning-rate", type=float, default=3e-3)
    p.add_argument("--gamma", type=float, default=0.95)
    p.add_argument("--gae-lambda", type=float, default=0.9)
    p.add_argument("--clip-coef", type=float, default=0.2)
    p.add_argument("--max-grad-norm", type=float, default=0.5)
    return p.parse_args()


class PointMass:
    """Position and velocity in the plane; the reward is minus the distance to the target. Episodes last 20 steps."""

    def __init__(self, n, rng):
        self.n, self.rng = n, rng
        self.t = rng.integers(0, 20, n)
        self.x, self.v, self.goal = np.zeros((n, 2)), np.zeros((n, 2)), rng.uniform(-1, 1, (n, 2))

    def obs(self):
        return np.concatenate([self.goal - self.x, self.v], axis=1).astype(np.float32)

    def step(self, force):
        self.v = 0.8 * self.v + 0.15 * np.clip(force, -1, 1)
        self.x = self.x + self.v
        self.t += 1
        reward = -np.linalg.norm(self.goal - self.x, axis=1)
        done = self.t >= 20
        k = int(done.sum())
        self.x[done], self.v[done], self.t[done], self.goal[done] = 0, 0, 0, self.rng.uniform(-1, 1, (k, 2))
        return self.obs(), reward.astype(np.float32), done.astype(np.float32)


def layer_init(layer, std=np.sqrt(2), bias=0.0):
    nn.init.orthogonal_(layer.weight, std)
    nn.init.constant_(layer.bias, bias)
    return layer


class Agent(nn.Module):
    def __init__(self):
        super().__init__()
        self.critic = nn.Sequential(
            layer_init(nn.Linear(4, 48)), nn.Tanh(), layer_init(nn.Linear(48, 48)), nn.Tanh(), layer_init(nn.Linear(48, 1), 1.0)
        )
        self.actor_mean = nn.Sequential(
            layer_init(nn.Linear(4, 48)), nn.Tanh(), layer_init(nn.Linear(48, 48)), nn.Tanh(), layer_init(nn.Linear(48, 2), 0.01)
        )
        self.actor_logstd = nn.Parameter(torch.full((1, 2), -0.5))

    def get_value(self, x):
        return self.critic(x)

    def get_action_and_value(self, x, action=None):
        mean = self.actor_mean(x)
        dist = Normal(mean, self.actor_logstd.expand_as(mean).exp())
        if action is None:
            action = dist.sample()
        return action, dist.log_prob(action).sum(1), dist.entropy().sum(1), self.critic(x)


def mean_distance(agent, n=64):
    env = PointMass(n, np.random.default_rng(77))
    env.t[:] = 0
    with torch.no_grad():
        for _ in range(18):
            obs, reward, _ = env.step(agent.actor_mean(torch.from_numpy(env.obs())).numpy())
    return -reward.mean()


args = parse_args()
torch.manual_seed(args.seed)
rng = np.random.default_rng(args.seed)
envs = PointMass(args.num_envs, rng)
agent = Agent()
optimizer = torch.optim.Adam(agent.parameters(), lr=args.learning_rate, eps=1e-5)
batch_size = args.num_envs * args.num_steps
minibatch_size = batch_size // args.num_minibatches

S, E = args.num_steps, args.num_envs
obs, actions = torch.zeros(S, E, 4), torch.zeros(S, E, 2)
logprobs, rewards, dones, values = (torch.zeros(S, E) for _ in range(4))
next_obs, next_done = torch.from_numpy(envs.obs()), torch.zeros(E)
print(f"before: distance {mean_distance(agent):.3f}")

for iteration in range(1, args.iterations + 1):
    optimizer.param_groups[0]["lr"] = (1 - (iteration - 1) / args.iterations) * args.learning_rate
    for step in range(S):
        obs[step], dones[step] = next_obs, next_done
        with torch.no_grad():
            action, logprob, _, value = agent.get_action_and_value(next_obs)
            values[step] = value.flatten()
        actions[step], logprobs[step] = action, logprob
        o, r, d = envs.step(action.numpy())
        rewards[step], next_obs, next_done = torch.from_numpy(r), torch.from_numpy(o), torch.from_numpy(d)

    with torch.no_grad():
        next_value = agent.get_value(next_obs).reshape(-1)
        advantages = torch.zeros_like(rewards)
        last = 0
        for t in reversed(range(S)):
            alive = 1.0 - (next_done if t == S - 1 else dones[t + 1])
            following = next_value if t == S - 1 else values[t + 1]
            delta = rewards[t] + args.gamma * following * alive - values[t]
            advantages[t] = last = delta + args.gamma * args.gae_lambda * alive * last
        returns = advantages + values

    b_obs, b_actions = obs.reshape(-1, 4), actions.reshape(-1, 2)
    b_logprobs, b_advantages, b_returns = logprobs.reshape(-1), advantages.reshape(-1), returns.reshape(-1)
    b_inds = np.arange(batch_size)
    clipfracs = []
    for epoch in range(args.update_epochs):
        rng.shuffle(b_inds)
        for start in range(0, batch_size, minibatch_size):
            mb = b_inds[start : start + minibatch_size]
            _, newlogprob, entropy, newvalue = agent.get_action_and_value(b_obs[mb], b_actions[mb])
            logratio = newlogprob - b_logprobs[mb]
            ratio = logratio.exp()
            with torch.no_grad():
                clipfracs.append(((ratio - 1.0).abs() > args.clip_coef).float().mean().item())
            adv = b_advantages[mb]
            adv = (adv - adv.mean()) / (adv.std() + 1e-8)
            pg_loss = torch.max(-adv * ratio, -adv * torch.clamp(ratio, 1 - args.clip_coef, 1 + args.clip_coef)).mean()
            v_loss = 0.5 * ((newvalue.view(-1) - b_returns[mb]) ** 2).mean()
            loss = pg_loss - 0.001 * entropy.mean() + 0.5 * v_loss
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(agent.parameters(), args.max_grad_norm)
            optimizer.step()
    if iteration % 5 == 0:
        print(f"iteration {iteration}: value loss {v_loss.item():.4f} clipped {np.mean(clipfracs):.2f} "
              f"distance {mean_distance(agent):.3f}")
