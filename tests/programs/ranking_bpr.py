"""Recommend by matrix factorisation: Bayesian personalised ranking with sampled negatives and hand-made minibatches."""
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

rng = np.random.default_rng(5)
torch.manual_seed(5)
USERS, ITEMS, TASTES = 300, 200, 6


def interactions(per_user=14):
    """Who took what: tastes of users and items decide, popularity helps."""
    user, item = rng.dirichlet([0.3] * TASTES, USERS), rng.dirichlet([0.3] * TASTES, ITEMS)
    popularity = rng.gamma(1.0, 1.0, ITEMS)
    p = (user @ item.T) ** 2 * popularity
    return [rng.choice(ITEMS, per_user, replace=False, p=row / row.sum()) for row in p]


class Factors(nn.Module):
    def __init__(self, dim=16):
        super().__init__()
        self.user = nn.Embedding(USERS, dim)
        self.item = nn.Embedding(ITEMS, dim)
        self.bias = nn.Embedding(ITEMS, 1)
        for table in (self.user, self.item):
            nn.init.normal_(table.weight, std=0.1)
        nn.init.zeros_(self.bias.weight)

    def score(self, users, items):
        return (self.user(users) * self.item(items)).sum(-1) + self.bias(items).squeeze(-1)

    def forward(self, users, liked, other):
        return self.score(users, liked) - self.score(users, other)


taken = interactions()
train = [(u, i) for u in range(USERS) for i in taken[u][:-2]]
held_out = {u: taken[u][-2:] for u in range(USERS)}
known = torch.zeros(USERS, ITEMS, dtype=torch.bool)
known[tuple(torch.tensor(train).T)] = True

model = Factors()
optimizer = torch.optim.Adam(model.parameters(), lr=0.02)


def hit_rate(k=20):
    with torch.no_grad():
        scores = model.user.weight @ model.item.weight.T + model.bias.weight.T
    scores[known] = -torch.inf
    top = scores.topk(k, dim=1).indices.tolist()
    return np.mean([i in top[u] for u, items in held_out.items() for i in items])


print(f"at random: hit rate {hit_rate():.3f}")
for epoch in range(12):
    rng.shuffle(train)
    losses = []
    for start in range(0, len(train), 256):
        users, liked = torch.tensor(np.array(train[start : start + 256])).T
        other = torch.randint(ITEMS, liked.shape)
        while (clash := known[users, other]).any():
            other[clash] = torch.randint(ITEMS, (int(clash.sum()),))
        margin = model(users, liked, other)
        penalty = 1e-3 * (model.user(users).square().sum(1) + model.item(liked).square().sum(1)).mean()
        loss = -F.logsigmoid(margin).mean() + penalty
        model.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    if epoch % 3 == 2:
        print(f"epoch {epoch + 1}: loss {np.mean(losses):.4f} hit rate {hit_rate():.3f}")
