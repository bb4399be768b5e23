"""Matrix factorisation recommender in PyTorch (MovieLens-like synthetic ratings)."""
import argparse
import math

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split


def make_ratings(n_users, n_items, n_ratings, seed):
    rng = np.random.default_rng(seed)
    p = rng.normal(0, 1, (n_users, 5))
    q = rng.normal(0, 1, (n_items, 5))
    b_u, b_i = rng.normal(0, 0.35, n_users), rng.normal(0, 0.5, n_items)
    popularity = 1.0 / (np.arange(n_items) + 10)
    popularity /= popularity.sum()
    pairs = set()
    while len(pairs) < n_ratings:
        u = rng.integers(0, n_users, 5000)
        i = rng.choice(n_items, 5000, p=popularity)
        pairs.update(zip(u.tolist(), i.tolist()))
    pairs = np.array(sorted(pairs))
    rng.shuffle(pairs)
    u, i = pairs[:n_ratings].T
    raw = 3.5 + b_u[u] + b_i[i] + 0.3 * (p[u] * q[i]).sum(1) + rng.normal(0, 0.4, n_ratings)
    stars = np.clip(np.round(raw * 2) / 2, 0.5, 5.0)
    return u, i, stars.astype(np.float32)


class MF(nn.Module):
    def __init__(self, n_users, n_items, dim, mean):
        super().__init__()
        self.user = nn.Embedding(n_users, dim)
        self.item = nn.Embedding(n_items, dim)
        self.user_bias = nn.Embedding(n_users, 1)
        self.item_bias = nn.Embedding(n_items, 1)
        self.register_buffer("mean", torch.tensor(mean))
        nn.init.normal_(self.user.weight, std=0.1)
        nn.init.normal_(self.item.weight, std=0.1)
        nn.init.zeros_(self.user_bias.weight)
        nn.init.zeros_(self.item_bias.weight)

    def forward(self, u, i):
        dot = (self.user(u) * self.item(i)).sum(dim=1, keepdim=True)
        return self.mean + dot + self.user_bias(u) + self.item_bias(i)


class RatingLoss:
    """squared error + L2 on the factors that took part in the batch"""

    def __init__(self, model, reg):
        self.model = model
        self.reg = reg

    def __call__(self, pred, rating, u, i):
        mse = torch.mean((pred - rating) ** 2)
        l2 = self.model.user(u).pow(2).mean() + self.model.item(i).pow(2).mean()
        return mse + self.reg * l2


class Trainer:
    def __init__(self, model, args):
        self.model = model
        self.loss = RatingLoss(model, args.reg)
        self.opt = torch.optim.Adam(model.parameters(), lr=args.lr)
        self.sched = torch.optim.lr_scheduler.MultiStepLR(self.opt, [args.epochs * 2 // 3], 0.2)

    def epoch(self, loader):
        self.model.train()
        total = 0.0
        for u, i, r in loader:
            self.opt.zero_grad()
            loss = self.loss(self.model(u, i), r, u, i)
            loss.backward()
            self.opt.step()
            total += loss.item()
        self.sched.step()
        return total / len(loader)

    @torch.no_grad()
    def predict(self, loader):
        self.model.eval()
        pred = torch.cat([self.model(u, i).flatten() for u, i, _ in loader])
        true = torch.cat([r for _, _, r in loader])
        return pred.clamp(0.5, 5.0), true


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--users", type=int, default=400)
    ap.add_argument("--items", type=int, default=250)
    ap.add_argument("--ratings", type=int, default=24000)
    ap.add_argument("--dim", type=int, default=12)
    ap.add_argument("--epochs", type=int, default=15)
    ap.add_argument("--batch", type=int, default=256)
    ap.add_argument("--lr", type=float, default=1e-2)
    ap.add_argument("--reg", type=float, default=0.5)
    ap.add_argument("--seed", type=int, default=10)
    args = ap.parse_args()

    torch.manual_seed(args.seed)
    u, i, r = make_ratings(args.users, args.items, args.ratings, args.seed)
    data = TensorDataset(torch.from_numpy(u), torch.from_numpy(i), torch.from_numpy(r))
    n_test = len(data) // 5
    train_set, test_set = random_split(data, [len(data) - n_test, n_test])
    train_dl = DataLoader(train_set, args.batch, shuffle=True)
    test_dl = DataLoader(test_set, 1024)

    mean = float(r[train_set.indices].mean())
    model = MF(args.users, args.items, args.dim, mean)
    trainer = Trainer(model, args)
    print(f"{len(train_set)} train / {len(test_set)} test ratings, mean {mean:.3f}")

    for epoch in range(args.epochs):
        loss = trainer.epoch(train_dl)
        pred, true = trainer.predict(test_dl)
        rmse = math.sqrt((pred - true).pow(2).mean().item())
        print(f"epoch {epoch + 1:2d}  train loss {loss:.4f}  test rmse {rmse:.4f}")

    pred, true = trainer.predict(test_dl)
    hit = ((pred - true).abs() <= 0.5).float().mean().item()
    print(f"final rmse {math.sqrt((pred - true).pow(2).mean().item()):.4f}, within half a star: {hit:.3f}")

    with torch.no_grad():
        user = torch.zeros(args.items, dtype=torch.long)
        scores = model(user, torch.arange(args.items)).flatten()
    top = scores.topk(5)
    print("top 5 for user 0:", [(j, round(s, 2)) for s, j in zip(top.values.tolist(), top.indices.tolist())])


if __name__ == "__main__":
    main()
