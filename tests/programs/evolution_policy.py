"""Evolution strategies: a policy for a swinging pendulum learns from mirrored noise, without any backward pass.

The estimate of the gradient is handed to Adam through `.grad`.
"""
import math

import torch
import torch.nn as nn
from torch.func import functional_call, vmap

PAIRS, SIGMA, GENERATIONS = 24, 0.15, 70


class Policy(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(3, 12), nn.Tanh(), nn.Linear(12, 1), nn.Tanh())

    def forward(self, observation):
        return 2.0 * self.net(observation).squeeze(-1)


def swing(policy, angle, speed, steps=60, dt=0.08):
    """Mean reward of holding pendulums up; 0 is best."""
    reward = torch.zeros_like(angle)
    for _ in range(steps):
        torque = policy(torch.stack([angle.cos(), angle.sin(), speed / 4], dim=-1))
        error = (angle + math.pi) % (2 * math.pi) - math.pi
        reward = reward - error**2 - 0.1 * speed**2 - 0.001 * torque**2
        speed = (speed + dt * (9.0 * angle.sin() + 6.0 * torque)).clamp(-8, 8)
        angle = angle + dt * speed
    return reward.mean() / steps


@torch.no_grad()
def main():
    torch.manual_seed(24)
    policy = Policy()
    optimizer = torch.optim.Adam(policy.parameters(), lr=0.06, maximize=True)
    test = torch.empty(128).uniform_(-0.8, 0.8), torch.zeros(128)
    print(f"generation 0: reward {swing(policy, *test):.3f}")
    score = vmap(lambda weights, angle, speed: swing(lambda o: functional_call(policy, weights, (o,)), angle, speed), in_dims=(0, None, None))
    for generation in range(1, GENERATIONS + 1):
        start = torch.empty(24).uniform_(-0.8, 0.8), torch.zeros(24)
        noise = {name: torch.randn(PAIRS, *p.shape) for name, p in policy.named_parameters()}
        scores = torch.stack(
            [
                score({name: p + sign * SIGMA * noise[name] for name, p in policy.named_parameters()}, *start)
                for sign in (1, -1)
            ],
            dim=1,
        )
        ranks = scores.flatten().argsort().argsort().float().view_as(scores) / (scores.numel() - 1) - 0.5
        advantage = (ranks[:, 0] - ranks[:, 1]) / (PAIRS * SIGMA)
        for name, p in policy.named_parameters():
            p.grad = torch.tensordot(advantage, noise[name], dims=1)
        optimizer.step()
        if generation % 14 == 0:
            print(f"generation {generation}: population {scores.mean():.3f} reward {swing(policy, *test):.3f}")


main()
