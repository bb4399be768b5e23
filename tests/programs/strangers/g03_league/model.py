import torch
from torch import nn


class GoalModel(nn.Module):
    """Dixon-Coles without the low-score correction: log rates from attack and defence ratings."""

    def __init__(self, n_clubs, dim=4):
        super().__init__()
        self.attack = nn.Embedding(n_clubs, dim)
        self.defence = nn.Embedding(n_clubs, dim)
        for e in (self.attack, self.defence):
            nn.init.normal_(e.weight, std=0.3)
        self.to_rate = nn.Sequential(nn.Linear(2 * dim + 2, 24), nn.Tanh(), nn.Linear(24, 1))

    def side(self, scorer, conceder, at_home, rest):
        f = torch.cat([self.attack(scorer), self.defence(conceder),
                       at_home.unsqueeze(1), rest.unsqueeze(1)], dim=1)
        return self.to_rate(f).squeeze(1)

    def forward(self, home, away, rest):
        one = torch.ones_like(rest)
        return torch.stack([self.side(home, away, one, rest),
                            self.side(away, home, -one, -rest)], dim=1)


def outcome_probs(log_rates, max_goals=10):
    """P(home win), P(draw), P(away win) for two independent Poisson scores."""
    k = torch.arange(max_goals + 1.0)
    logp = k * log_rates.unsqueeze(-1) - log_rates.exp().unsqueeze(-1) - torch.lgamma(k + 1)
    p = logp.exp()
    joint = p[:, 0].unsqueeze(2) * p[:, 1].unsqueeze(1)
    win = torch.tril(joint, diagonal=-1).sum((1, 2))
    draw = torch.diagonal(joint, dim1=1, dim2=2).sum(1)
    loss = torch.triu(joint, diagonal=1).sum((1, 2))
    out = torch.stack([win, draw, loss], dim=1)
    return out / out.sum(1, keepdim=True)
