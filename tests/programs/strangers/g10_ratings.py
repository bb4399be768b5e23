# Biased matrix factorisation on explicit ratings; keeps the epoch with the lowest validation RMSE.
import numpy as np
import torch
from torch import nn

N_USERS, N_ITEMS, RANK = 700, 350, 24


def simulate_ratings(seed, per_user=(15, 60)):
    rng = np.random.default_rng(seed)
    taste = rng.normal(0, 1, (N_USERS, 5))
    content = rng.normal(0, 1, (N_ITEMS, 5))
    harsh = rng.normal(0, 0.35, N_USERS)
    quality = rng.normal(0, 0.45, N_ITEMS)
    pop = rng.pareto(1.5, N_ITEMS) + 0.2
    pop /= pop.sum()
    triples = []
    for u in range(N_USERS):
        for i in rng.choice(N_ITEMS, rng.integers(*per_user), replace=False, p=pop):
            r = 3.5 + harsh[u] + quality[i] + 0.30 * taste[u] @ content[i] + rng.normal(0, 0.6)
            triples.append((u, i, float(np.clip(np.round(2 * r) / 2, 0.5, 5))))
    triples = np.array(triples)
    rng.shuffle(triples)
    return triples


class BiasedMF(nn.Module):
    def __init__(self, mean):
        super().__init__()
        self.user, self.item = nn.Embedding(N_USERS, RANK), nn.Embedding(N_ITEMS, RANK)
        self.user_bias, self.item_bias = nn.Embedding(N_USERS, 1), nn.Embedding(N_ITEMS, 1)
        self.register_buffer("mean", torch.tensor(mean))
        for e in (self.user, self.item):
            nn.init.normal_(e.weight, std=0.1)
        for e in (self.user_bias, self.item_bias):
            nn.init.zeros_(e.weight)

    def forward(self, u, i):
        dot = (self.user(u) * self.item(i)).sum(1)
        return self.mean + self.user_bias(u).squeeze(1) + self.item_bias(i).squeeze(1) + dot


class Keeper:
    """Remembers the weights of the best epoch."""

    def __init__(self):
        self.score = float("inf")
        self.epoch = -1
        self.weights = None

    def offer(self, score, epoch, model):
        if score < self.score:
            self.score, self.epoch = score, epoch
            self.weights = model.state_dict()
            return True
        return False

    def restore(self, model):
        model.load_state_dict(self.weights)


class Trainer:
    def __init__(self, model, lr, weight_decay):
        self.model = model
        self.opt = torch.optim.Adam(model.parameters(), lr=lr, weight_decay=weight_decay)
        self.keeper = Keeper()

    def epoch(self, data, batch=256):
        self.model.train()
        u, i, r = data
        se = 0.0
        for idx in torch.randperm(len(r)).split(batch):
            pred = self.model(u[idx], i[idx])
            loss = nn.functional.mse_loss(pred, r[idx])
            self.opt.zero_grad()
            loss.backward()
            self.opt.step()
            se += loss.item() * len(idx)
        return (se / len(r)) ** 0.5

    @torch.no_grad()
    def rmse(self, data):
        self.model.eval()
        u, i, r = data
        return nn.functional.mse_loss(self.model(u, i), r).sqrt().item()

    def fit(self, train, val, epochs):
        for e in range(epochs):
            tr, va = self.epoch(train), self.rmse(val)
            star = "*" if self.keeper.offer(va, e, self.model) else ""
            if e % 3 == 0 or star:
                print(f"epoch {e:2d}  train RMSE {tr:.4f}  val RMSE {va:.4f} {star}")
        self.keeper.restore(self.model)
        print(f"kept epoch {self.keeper.epoch} (val RMSE {self.keeper.score:.4f})")


def as_tensors(rows):
    return (torch.tensor(rows[:, 0], dtype=torch.long), torch.tensor(rows[:, 1], dtype=torch.long),
            torch.tensor(rows[:, 2], dtype=torch.float32))


if __name__ == "__main__":
    torch.manual_seed(21)
    ratings = simulate_ratings(21)
    n = len(ratings)
    train, val, test = (as_tensors(p) for p in np.split(ratings, [int(0.8 * n), int(0.9 * n)]))
    print(f"{n} ratings, density {n / N_USERS / N_ITEMS:.1%}")

    mean = train[2].mean().item()
    print(f"global mean      test RMSE {(test[2] - mean).pow(2).mean().sqrt():.4f}")
    item_sum = torch.zeros(N_ITEMS).index_add_(0, train[1], train[2] - mean)
    item_n = torch.bincount(train[1], minlength=N_ITEMS)
    item_mean = mean + item_sum / (item_n + 5)
    print(f"item mean        test RMSE {(test[2] - item_mean[test[1]]).pow(2).mean().sqrt():.4f}")

    trainer = Trainer(BiasedMF(mean), lr=5e-3, weight_decay=1e-6)
    trainer.fit(train, val, epochs=30)
    print(f"factorisation    test RMSE {trainer.rmse(test):.4f}")
