"""Character corpus: the long data set descriptions that ship with scikit-learn."""
import re

import torch
from sklearn import datasets

LOADERS = ["load_iris", "load_wine", "load_breast_cancer", "load_diabetes", "load_digits", "load_linnerud"]


class CharCorpus:
    def __init__(self, val_fraction=0.1):
        text = "\n".join(getattr(datasets, name)().DESCR for name in LOADERS)
        text = re.sub(r"[ \t]+", " ", text)
        text = re.sub(r"[^a-zA-Z0-9 \n.,:;()'-]", "", text).lower()
        self.chars = sorted(set(text))
        self.index = {c: i for i, c in enumerate(self.chars)}
        ids = torch.tensor([self.index[c] for c in text])
        cut = int(len(ids) * (1 - val_fraction))
        self.train, self.val = ids[:cut], ids[cut:]

    def encode(self, s):
        return torch.tensor([[self.index[c] for c in s]])

    def decode(self, ids):
        return "".join(self.chars[i] for i in ids)

    def batch(self, size, block, generator):
        start = torch.randint(0, len(self.train) - block - 1, (size,), generator=generator)
        rows = torch.stack([self.train[s:s + block + 1] for s in start.tolist()])
        return rows[:, :-1], rows[:, 1:]

    def val_batches(self, block):
        n = (len(self.val) - 1) // block
        x = self.val[:n * block].view(n, block)
        y = self.val[1:n * block + 1].view(n, block)
        return x, y
