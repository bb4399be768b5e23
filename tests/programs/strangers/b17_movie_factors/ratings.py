"""Synthetic star ratings with string ids, as they would come out of a log file."""
import random
import numpy as np
import torch
from torch.utils.data import Dataset


def simulate_log(n_users=150, n_movies=100, per_user=50, rank=3, seed=0):
    rng = np.random.default_rng(seed)
    taste = rng.normal(size=(n_users, rank))
    style = rng.normal(size=(n_movies, rank))
    fame = 0.5 * rng.normal(size=n_movies)
    log = []
    for u in range(n_users):
        for m in rng.choice(n_movies, per_user, replace=False):
            stars = 3.0 + fame[m] + 0.6 * taste[u] @ style[m] + 0.2 * rng.normal()
            log.append((f"user-{u:04d}", f"tt{m:05d}", float(np.clip(stars, 0.5, 5.5))))
    random.Random(seed).shuffle(log)
    return log


def split_log(log, test_share=0.15, val_share=0.1):
    n_test, n_val = int(test_share * len(log)), int(val_share * len(log))
    return log[n_test + n_val:], log[n_test:n_test + n_val], log[:n_test]


class Ratings(Dataset):
    """Rows of (user, movie, stars) with the ids replaced by consecutive integers."""

    def __init__(self, rows):
        self.user_index = {u: i for i, u in enumerate(dict.fromkeys(r[0] for r in rows))}
        self.movie_index = {m: i for i, m in enumerate(dict.fromkeys(r[1] for r in rows))}
        self.users = torch.tensor([self.user_index[r[0]] for r in rows])
        self.movies = torch.tensor([self.movie_index[r[1]] for r in rows])
        self.stars = torch.tensor([r[2] for r in rows], dtype=torch.float32)

    @property
    def n_users(self):
        return len(self.user_index)

    @property
    def n_movies(self):
        return len(self.movie_index)

    def __len__(self):
        return len(self.stars)

    def __getitem__(self, i):
        return self.users[i], self.movies[i], self.stars[i]
