import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset


class DataBunch:
    def __init__(self, train_ds, valid_ds, bs):
        self.train_dl = DataLoader(train_ds, batch_size=bs, shuffle=True)
        self.valid_dl = DataLoader(valid_ds, batch_size=256)


def _tensors(x, y):
    return TensorDataset(torch.tensor(x, dtype=torch.float32).unsqueeze(1),
                         torch.tensor(y, dtype=torch.long))


def source_task(seed, bs=64):
    """Is the picture's left half brighter than its right half?"""
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 1, (2000, 8, 8))
    y = (x[:, :, :4].sum((1, 2)) > x[:, :, 4:].sum((1, 2))).astype(int)
    return DataBunch(_tensors(x[:1600], y[:1600]), _tensors(x[1600:], y[1600:]), bs)


def target_task(seed, bs=64):
    """Handwritten digits, 10 classes, drawn on a noisy background."""
    d = load_digits()
    rng = np.random.default_rng(seed)
    x = (d.images - d.images.mean()) / d.images.std()
    x = x + rng.normal(0, 0.4, x.shape)
    x_tr, x_va, y_tr, y_va = train_test_split(x, d.target, test_size=0.3, stratify=d.target,
                                              random_state=seed)
    return DataBunch(_tensors(x_tr, y_tr), _tensors(x_va, y_va), bs)
