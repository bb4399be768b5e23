"""Ways to load batches: the same to the bit with Osler as without, and no finding."""

from collections import namedtuple
from collections.abc import Callable, Iterable, Iterator

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import (
    BatchSampler,
    ConcatDataset,
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    Subset,
    TensorDataset,
    WeightedRandomSampler,
    random_split,
)

torch.set_num_threads(1)

ROWS = 48

Pair = namedtuple("Pair", "x y")


def data() -> TensorDataset:
    x = torch.randn(ROWS, 3)
    return TensorDataset(x, x.sum(1, keepdim=True).sin())


class Stream(IterableDataset[tuple[Tensor, Tensor]]):
    def __init__(self, rows: TensorDataset) -> None:
        self.rows = rows

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        return (self.rows[i] for i in torch.randperm(len(self.rows)).tolist())


class Mapped(Dataset[object]):
    def __init__(self, rows: TensorDataset, change: Callable[[Tensor, Tensor], object]) -> None:
        self.rows, self.change = rows, change

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> object:
        return self.change(*self.rows[index])


def stacked(rows: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    return torch.stack([x for x, _ in rows]), torch.stack([y for _, y in rows])


LOADERS: dict[str, Callable[[TensorDataset], Iterable[object]]] = {
    "shuffled": lambda d: DataLoader(d, 12, shuffle=True),
    "the last one dropped": lambda d: DataLoader(d, 10, shuffle=True, drop_last=True),
    "the last one smaller": lambda d: DataLoader(d, 10, shuffle=True),
    "one sample each": lambda d: DataLoader(Subset(d, range(12)), 1, shuffle=True),
    "a generator of its own": lambda d: DataLoader(
        d, 12, shuffle=True, generator=torch.Generator().manual_seed(3)
    ),
    "a sampler": lambda d: DataLoader(d, 12, sampler=RandomSampler(d, replacement=True, num_samples=36)),
    "a weighted sampler": lambda d: DataLoader(
        d, 12, sampler=WeightedRandomSampler([1.0 + i % 3 for i in range(ROWS)], ROWS)
    ),
    "a batch sampler": lambda d: DataLoader(d, batch_sampler=BatchSampler(RandomSampler(d), 12, False)),
    "a list as batch sampler": lambda d: DataLoader(
        d, batch_sampler=[rows.tolist() for rows in torch.randperm(ROWS).split(12)]
    ),
    "whole batches of the set": lambda d: DataLoader(
        d, batch_size=None, sampler=BatchSampler(RandomSampler(d), 12, False)
    ),
    "a stream": lambda d: DataLoader(Stream(d), 12),
    "a collation": lambda d: DataLoader(d, 12, shuffle=True, collate_fn=stacked),
    "a part": lambda d: DataLoader(random_split(d, [36, 12])[0], 12, shuffle=True),
    "two sets": lambda d: DataLoader(ConcatDataset([d, Subset(d, range(12))]), 12, shuffle=True),
    "dicts": lambda d: DataLoader(Mapped(d, lambda x, y: {"x": x, "y": y}), 12, shuffle=True),
    "named tuples": lambda d: DataLoader(Mapped(d, Pair), 12, shuffle=True),
    "texts beside": lambda d: DataLoader(Mapped(d, lambda x, y: (x, y, "näme")), 12, shuffle=True),
    "arrays of NumPy": lambda d: DataLoader(Mapped(d, lambda x, y: (x.numpy(), y.numpy())), 12, shuffle=True),
    "noise in the set": lambda d: DataLoader(
        Mapped(d, lambda x, y: (x + 0.1 * torch.randn(3), y)), 12, shuffle=True
    ),
    "a list of batches": lambda d: list(DataLoader(d, 12, shuffle=True)),
    "an enumeration in a zip": lambda d: (pair for _, pair in enumerate(zip(*halves(d), strict=True))),
    "an iterator with a length": lambda d: Counted(DataLoader(d, 12, shuffle=True)),
}


def halves(rows: TensorDataset) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    return rows.tensors[0].split(12), rows.tensors[1].split(12)


class Counted:
    """What progress bars are: something around a loader."""

    def __init__(self, inner: DataLoader[object]) -> None:
        self.inner, self.count = inner, 0

    def __len__(self) -> int:
        return len(self.inner)

    def __iter__(self) -> Iterator[object]:
        for batch in self.inner:
            self.count += 1
            yield batch


def pair_in(batch: object) -> tuple[Tensor, Tensor]:
    if isinstance(batch, dict):
        return batch["x"], batch["y"]
    return batch[0], batch[1]


@pytest.mark.parametrize("build", LOADERS.values(), ids=LOADERS)
def test_ways_to_load(unharmed, build: Callable[[TensorDataset], Iterable[object]]) -> None:
    def train() -> list[Tensor]:
        rows, model = data(), nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
        for _ in range(3):
            for batch in build(rows):
                x, y = pair_in(batch)
                optimizer.zero_grad()
                F.mse_loss(model(x), y).backward()
                optimizer.step()
        return list(model.parameters())

    assert unharmed(train).run.steps >= 9
