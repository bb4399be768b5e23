"""Biased matrix factorisation with embeddings."""
import copy
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import BatchSampler, DataLoader, RandomSampler, SequentialSampler

from ratings import Ratings, simulate_log, split_log

torch.manual_seed(0)


class Factors(nn.Module):
    def __init__(self, n_users, n_movies, mean, dim=8):
        super().__init__()
        self.u, self.m = nn.Embedding(n_users, dim), nn.Embedding(n_movies, dim)
        self.bu, self.bm = nn.Embedding(n_users, 1), nn.Embedding(n_movies, 1)
        for e in (self.u, self.m):
            nn.init.normal_(e.weight, std=0.1)
        for e in (self.bu, self.bm):
            nn.init.zeros_(e.weight)
        self.register_buffer("mean", torch.tensor(mean))

    def forward(self, users, movies):
        dot = (self.u(users) * self.m(movies)).sum(-1)
        return self.mean + dot + self.bu(users).squeeze(-1) + self.bm(movies).squeeze(-1)


def loader(data, batch, shuffle):
    order = RandomSampler(data) if shuffle else SequentialSampler(data)
    # whole index lists go to the dataset, so a batch is one slice of the tensors
    return DataLoader(data, sampler=BatchSampler(order, batch, drop_last=False), batch_size=None)


def rmse(model, batches):
    model.eval()
    sq = n = 0
    with torch.no_grad():
        for users, movies, stars in batches:
            sq += F.mse_loss(model(users, movies), stars, reduction="sum").item()
            n += len(stars)
    return (sq / n) ** 0.5


def main():
    train_rows, val_rows, test_rows = split_log(simulate_log())
    train, val, test = Ratings(train_rows), Ratings(val_rows), Ratings(test_rows)
    train_b, val_b, test_b = loader(train, 128, True), loader(val, 1024, False), loader(test, 1024, False)
    print(f"{len(train)} ratings by {train.n_users} users of {train.n_movies} movies")

    model = Factors(train.n_users, train.n_movies, train.stars.mean().item())
    opt = torch.optim.AdamW(model.parameters(), lr=5e-3, weight_decay=0.05)
    best, keep = float("inf"), None
    for epoch in range(1, 31):
        model.train()
        sq = n = 0
        for users, movies, stars in train_b:
            loss = F.mse_loss(model(users, movies), stars)
            opt.zero_grad()
            loss.backward()
            opt.step()
            sq += loss.item() * len(stars)
            n += len(stars)
        v = rmse(model, val_b)
        if v < best:
            best, keep = v, copy.deepcopy(model.state_dict())
        if epoch % 3 == 0:
            print(f"epoch {epoch:2d}  train rmse {(sq / n) ** 0.5:.3f}  val rmse {v:.3f}")

    model.load_state_dict(keep)
    base = (test.stars - train.stars.mean()).pow(2).mean().sqrt().item()
    print(f"test rmse {rmse(model, test_b):.3f}   always the mean {base:.3f}")


if __name__ == "__main__":
    main()
