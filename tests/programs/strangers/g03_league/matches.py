"""Match results of a made-up league with promotion and relegation."""
import numpy as np
import torch
from torch.utils.data import Dataset

CLUBS = [
    "Aldermoor", "Barrow Park", "Castleford", "Dunmere", "Eastvale", "Fenwick", "Garston", "Hollowell",
    "Ironbridge", "Juniper Hill", "Kelso Rovers", "Langley", "Marlow", "Northgate", "Oakham", "Penrith Town",
    "Quarry Bank", "Redcliff", "Stanmore", "Thornbury", "Ulverston", "Verwood", "Westbrook", "Yarrow",
]
IN_LEAGUE = 16
SEASONS = 8


def play_history(seed):
    rng = np.random.default_rng(seed)
    attack = dict(zip(CLUBS, rng.normal(0, 0.40, len(CLUBS))))
    defence = dict(zip(CLUBS, rng.normal(0, 0.40, len(CLUBS))))
    rows = []
    for season in range(SEASONS):
        clubs = rng.permutation(CLUBS)[:IN_LEAGUE]
        for home in clubs:
            for away in clubs:
                if home == away:
                    continue
                rest = rng.normal(0, 1)
                rate_h = np.exp(0.30 + attack[home] - defence[away] + 0.08 * rest)
                rate_a = np.exp(0.02 + attack[away] - defence[home] - 0.08 * rest)
                rows.append((season, home, away, rest, rng.poisson(rate_h), rng.poisson(rate_a)))
    return rows


class MatchDataset(Dataset):
    """Club names become integers, goals stay counts."""

    def __init__(self, rows):
        names = np.array([[r[1], r[2]] for r in rows])
        self.clubs, codes = np.unique(names, return_inverse=True)
        codes = codes.reshape(names.shape)
        self.home = torch.from_numpy(codes[:, 0]).long()
        self.away = torch.from_numpy(codes[:, 1]).long()
        self.rest = torch.tensor([r[3] for r in rows], dtype=torch.float32)
        self.goals = torch.tensor([[r[4], r[5]] for r in rows], dtype=torch.float32)

    def __len__(self):
        return len(self.home)

    def __getitem__(self, i):
        return self.home[i], self.away[i], self.rest[i], self.goals[i]
