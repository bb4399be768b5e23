"""What fetching does to stored samples, with and without meaning to."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import (
    ConcatDataset,
    DataLoader,
    Dataset,
    IterableDataset,
    Subset,
    TensorDataset,
    WeightedRandomSampler,
)

from osler.model import OverwriteFact
from osler.session import Session

COUNT = 40


class Stored(Dataset[Any]):
    """Samples of eight numbers, and what is done to one when it is fetched."""

    def __init__(self, made: Callable[[], Any]) -> None:
        self.x = made()
        self.y = torch.arange(COUNT) % 4

    def __len__(self) -> int:
        return COUNT


def tensors() -> Tensor:
    return torch.rand(COUNT, 8)


def arrays() -> Any:
    return np.random.default_rng(0).random((COUNT, 8), np.float32)


def run(
    dataset: Any, epochs: int = 4, each: Callable[[Any], object] | None = None, **more: Any
) -> list[OverwriteFact]:
    """What is known after a training on it."""
    torch.manual_seed(0)
    model = nn.Linear(8, 4)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    more = {"shuffle": True, "batch_size": 8} | more
    with Session() as session:
        loader = DataLoader(dataset, **more)
        for _ in range(epochs):
            for batch in loader:
                x = batch[0] if isinstance(batch, list | tuple) else batch["x"]
                optimizer.zero_grad()
                model(torch.as_tensor(x)[..., :8].float()).square().mean().backward()
                optimizer.step()
                if each is not None:
                    each(dataset)
    assert session.watcher.guard.failures == []
    return list(session.watcher.run.overwrites.values())


class Noise(Stored):
    def __getitem__(self, i: int) -> Any:
        x = self.x[i]
        x += 0.1
        return x, self.y[i]


class Erased(Stored):
    def __getitem__(self, i: int) -> Any:
        x = self.x[i]
        start = int(torch.randint(6, ()))
        x[start : start + 2] = 0
        return torch.as_tensor(x), self.y[i]


class Scaled(Stored):
    def __getitem__(self, i: int) -> Any:
        return self.x[i].mul_(0.9), self.y[i]


class Out(Stored):
    def __getitem__(self, i: int) -> Any:
        x = self.x[i]
        np.add(x, 0.1, out=x)
        return torch.tensor(x), self.y[i]


class Centred(Stored):
    def __getitem__(self, i: int) -> Any:
        item = self.x[i]
        item["x"] -= item["x"].mean() + 0.1
        return item


class Longer(Stored):
    def __getitem__(self, i: int) -> Any:
        ids = self.x[i]
        ids += [1]
        return torch.tensor(ids[-8:]), self.y[i]


class Transformed(Stored):
    transform: Callable[[Any], Any]

    def __getitem__(self, i: int) -> Any:
        x = self.transform(self.x[i])
        return x, self.y[i]


class Itself(Stored):
    def __getitem__(self, i: int) -> Any:
        self.x[i] = self.x[i] * 0.9
        return self.x[i], self.y[i]


class Wrapped(Dataset[Any]):
    def __init__(self, base: Dataset[Any]) -> None:
        self.base = base

    def __len__(self) -> int:
        return COUNT

    def __getitem__(self, i: int) -> Any:
        x, y = self.base[i]
        x *= 0.9
        return x, y


def flipped(x: Tensor) -> Tensor:
    x[:] = x.flip(0)
    return x


def lists() -> list[list[int]]:
    return [list(range(8)) for _ in range(COUNT)]


def dicts() -> list[dict[str, Tensor]]:
    return [{"x": torch.rand(8)} for _ in range(COUNT)]


def with_transform(dataset: Transformed) -> Transformed:
    dataset.transform = flipped
    return dataset


@pytest.mark.parametrize(
    ("dataset", "stored", "is_statement"),
    [
        (Noise(tensors), "Noise.x", True),
        (Noise(arrays), "Noise.x", True),
        (Noise(lambda: list(tensors())), "Noise.x", True),
        (Noise(lambda: tensors().bfloat16()), "Noise.x", True),
        (Erased(tensors), "Erased.x", True),
        (Erased(arrays), "Erased.x", True),
        (Scaled(tensors), "Scaled.x", False),
        (Out(arrays), "Out.x", True),
        (Centred(dicts), "Centred.x", True),
        (Longer(lists), "Longer.x", True),
        (with_transform(Transformed(tensors)), "Transformed.x", False),
        (Itself(tensors), "Itself.x", True),
        (Itself(arrays), "Itself.x", True),
        (Wrapped(TensorDataset(tensors(), torch.arange(COUNT))), "TensorDataset.tensors", True),
        (
            Wrapped(Subset(TensorDataset(tensors(), torch.arange(COUNT)), range(COUNT))),
            "TensorDataset.tensors",
            True,
        ),
        (Subset(Noise(tensors), list(range(30, 10, -1))), "Noise.x", True),
        (ConcatDataset([Noise(tensors), Noise(tensors)]), "Noise.x", True),
    ],
    ids=str,
)
def test_what_is_stored_changes(dataset: Any, stored: str, is_statement: bool) -> None:
    (fact,) = run(dataset)
    assert f"{fact.owner}.{fact.attribute}" == stored
    assert fact.is_statement == is_statement
    assert fact.site[0].function == "__getitem__"
    assert (fact.loaders, fact.followed, fact.passes) == (("DataLoader",), 16, 4)
    assert 2 <= fact.samples <= 16
    assert 0 < fact.changed <= fact.checked
