# PPO on a small vectorised pole-balancing task (numpy physics, no gym needed)
import time

import numpy as np
import torch
import torch.nn as nn
import torch.optim as optim
from torch.distributions.categorical import Categorical

SEED = 3
NUM_ENVS, NUM_STEPS = 8, 128
TOTAL_TIMESTEPS = 50_000
LEARNING_RATE, GAMMA, GAE_LAMBDA = 2.5e-3, 0.98, 0.9
NUM_MINIBATCHES, UPDATE_EPOCHS = 4, 5
CLIP_COEF, ENT_COEF, VF_COEF, MAX_GRAD_NORM = 0.2, 0.005, 0.5, 0.5
MAX_EPISODE_STEPS = 200


class VecPole:
    def __init__(self, n, seed):
        self.n, self.rng = n, np.random.default_rng(seed)
        self.s = np.zeros((n, 4))
        self.t = np.zeros(n, dtype=int)

    def _fresh(self, k):
        return self.rng.uniform(-0.05, 0.05, (k, 4))

    def reset(self):
        self.s = self._fresh(self.n)
        self.t[:] = 0
        return self.s.astype(np.float32)

    def step(self, action):
        x, x_dot, th, th_dot = self.s.T
        force = np.where(action == 1, 10.0, -10.0)
        cos, sin = np.cos(th), np.sin(th)
        temp = (force + 0.05 * th_dot ** 2 * sin) / 1.1
        th_acc = (9.8 * sin - cos * temp) / (0.5 * (4.0 / 3.0 - 0.1 * cos ** 2 / 1.1))
        x_acc = temp - 0.05 * th_acc * cos / 1.1
        tau = 0.02
        self.s = np.stack([x + tau * x_dot, x_dot + tau * x_acc,
                           th + tau * th_dot, th_dot + tau * th_acc], axis=1)
        self.t += 1
        terminated = (np.abs(self.s[:, 0]) > 2.4) | (np.abs(self.s[:, 2]) > 0.2095)
        truncated = (~terminated) & (self.t >= MAX_EPISODE_STEPS)
        final_obs = self.s.astype(np.float32)
        done = terminated | truncated
        lengths = self.t[done].copy()
        if done.any():
            self.s[done] = self._fresh(int(done.sum()))
            self.t[done] = 0
        reward = np.ones(self.n, dtype=np.float32)
        return self.s.astype(np.float32), reward, terminated, truncated, final_obs, lengths


def layer_init(layer, std=np.sqrt(2), bias_const=0.0):
    torch.nn.init.orthogonal_(layer.weight, std)
    torch.nn.init.constant_(layer.bias, bias_const)
    return layer


class Agent(nn.Module):
    def __init__(self):
        super().__init__()
        self.critic = nn.Sequential(layer_init(nn.Linear(4, 64)), nn.Tanh(),
                                    layer_init(nn.Linear(64, 64)), nn.Tanh(),
                                    layer_init(nn.Linear(64, 1), std=1.0))
        self.actor = nn.Sequential(layer_init(nn.Linear(4, 64)), nn.Tanh(),
                                   layer_init(nn.Linear(64, 64)), nn.Tanh(),
                                   layer_init(nn.Linear(64, 2), std=0.01))

    def get_value(self, x):
        return self.critic(x).squeeze(-1)

    def get_action_and_value(self, x, action=None):
        probs = Categorical(logits=self.actor(x))
        if action is None:
            action = probs.sample()
        return action, probs.log_prob(action), probs.entropy(), self.get_value(x)


def evaluate(agent, n=32, seed=777):
    env = VecPole(n, seed)
    obs, alive, length = env.reset(), np.ones(n, bool), np.zeros(n)
    for _ in range(MAX_EPISODE_STEPS):
        with torch.no_grad():
            a = agent.actor(torch.from_numpy(obs)).argmax(1).numpy()
        obs, _, term, trunc, _, _ = env.step(a)
        length[alive] += 1
        alive &= ~(term | trunc)
    return length.mean()


torch.manual_seed(SEED)
np.random.seed(SEED)
start = time.time()
batch_size = NUM_ENVS * NUM_STEPS
minibatch_size = batch_size // NUM_MINIBATCHES
num_iterations = TOTAL_TIMESTEPS // batch_size

envs = VecPole(NUM_ENVS, SEED)
agent = Agent()
optimizer = optim.Adam(agent.parameters(), lr=LEARNING_RATE, eps=1e-5)
print(f"untrained eval length: {evaluate(agent):.1f}")

obs = torch.zeros(NUM_STEPS, NUM_ENVS, 4)
actions = torch.zeros(NUM_STEPS, NUM_ENVS, dtype=torch.long)
logprobs, rewards, dones, values = (torch.zeros(NUM_STEPS, NUM_ENVS) for _ in range(4))
next_obs = torch.from_numpy(envs.reset())
next_done = torch.zeros(NUM_ENVS)
recent = []

for iteration in range(1, num_iterations + 1):
    frac = 1.0 - (iteration - 1.0) / num_iterations
    optimizer.param_groups[0]["lr"] = frac * LEARNING_RATE

    for step in range(NUM_STEPS):
        obs[step] = next_obs
        dones[step] = next_done
        with torch.no_grad():
            action, logprob, _, value = agent.get_action_and_value(next_obs)
        values[step], actions[step], logprobs[step] = value, action, logprob
        o, r, term, trunc, final_obs, lengths = envs.step(action.numpy())
        rewards[step] = torch.from_numpy(r)
        if trunc.any():
            with torch.no_grad():
                boot = agent.get_value(torch.from_numpy(final_obs[trunc]))
            rewards[step, torch.from_numpy(trunc)] += GAMMA * boot
        next_obs = torch.from_numpy(o)
        next_done = torch.from_numpy((term | trunc).astype(np.float32))
        recent.extend(lengths.tolist())

    with torch.no_grad():
        next_value = agent.get_value(next_obs)
        advantages = torch.zeros_like(rewards)
        lastgaelam = 0
        for t in reversed(range(NUM_STEPS)):
            nonterminal = 1.0 - (next_done if t == NUM_STEPS - 1 else dones[t + 1])
            nextvalues = next_value if t == NUM_STEPS - 1 else values[t + 1]
            delta = rewards[t] + GAMMA * nextvalues * nonterminal - values[t]
            advantages[t] = lastgaelam = delta + GAMMA * GAE_LAMBDA * nonterminal * lastgaelam
        returns = advantages + values

    b_obs, b_actions, b_logprobs = obs.reshape(-1, 4), actions.reshape(-1), logprobs.reshape(-1)
    b_adv, b_returns = advantages.reshape(-1), returns.reshape(-1)
    for epoch in range(UPDATE_EPOCHS):
        for mb in torch.randperm(batch_size).split(minibatch_size):
            _, newlogprob, entropy, newvalue = agent.get_action_and_value(b_obs[mb], b_actions[mb])
            ratio = (newlogprob - b_logprobs[mb]).exp()
            adv = b_adv[mb]
            adv = (adv - adv.mean()) / (adv.std() + 1e-8)
            pg_loss = torch.max(-adv * ratio, -adv * ratio.clamp(1 - CLIP_COEF, 1 + CLIP_COEF)).mean()
            v_loss = 0.5 * ((newvalue - b_returns[mb]) ** 2).mean()
            loss = pg_loss - ENT_COEF * entropy.mean() + VF_COEF * v_loss
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(agent.parameters(), MAX_GRAD_NORM)
            optimizer.step()

    if iteration % 8 == 0:
        print(f"iter {iteration:3d} ep_len {np.mean(recent[-50:]):6.1f} v_loss {v_loss.item():.3f} "
              f"eval {evaluate(agent):.1f}")

print(f"final eval length: {evaluate(agent, seed=4242):.1f} / {MAX_EPISODE_STEPS} "
      f"({time.time() - start:.1f}s)")
