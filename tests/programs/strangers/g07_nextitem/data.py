"""Synthetic shop sessions. Item 0 is reserved for padding; real items are 1..N_ITEMS."""
import numpy as np
import torch

N_ITEMS = 300
MAXLEN = 20


def simulate(n_users, seed):
    """Each item has a few likely successors; the successor set depends on the item before last too."""
    rng = np.random.default_rng(seed)
    succ = rng.integers(1, N_ITEMS + 1, size=(N_ITEMS + 1, 2, 3))
    popularity = rng.zipf(1.6, size=N_ITEMS).astype(float)
    popularity = np.minimum(popularity, 60)
    popularity /= popularity.sum()
    histories = []
    for _ in range(n_users):
        n = rng.integers(6, 28)
        seq = list(rng.choice(N_ITEMS, 2, p=popularity) + 1)
        while len(seq) < n:
            if rng.random() < 0.25:
                seq.append(int(rng.choice(N_ITEMS, p=popularity)) + 1)
            else:
                seq.append(int(succ[seq[-1], seq[-2] % 2, rng.integers(3)]))
        histories.append(seq)
    return histories


def leave_two_out(histories):
    """Per user: everything but the last two / the last but one as validation / the last as test."""
    return [h[:-2] for h in histories], [h[:-1] for h in histories], histories


def left_pad(seq, length):
    seq = seq[-length:]
    return [0] * (length - len(seq)) + list(seq)


def training_tensors(train_histories):
    """Inputs are the history without its last item, targets the history without its first."""
    rows = [left_pad(h, MAXLEN + 1) for h in train_histories]
    t = torch.tensor(rows)
    return t[:, :-1], t[:, 1:]


def query_tensors(histories):
    """History without the last item -> last item."""
    x = torch.tensor([left_pad(h[:-1], MAXLEN) for h in histories])
    y = torch.tensor([h[-1] for h in histories])
    return x, y
