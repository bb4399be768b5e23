"""What fetching does to stored samples, with and without meaning to."""

import contextlib
import weakref
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
from osler.runtime.fetches import only_indexes
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
        return torch.tensor(ids), self.y[i]


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
    ids=lambda value: type(value).__name__,
)
def test_what_is_stored_changes(dataset: Any, stored: str, is_statement: bool) -> None:
    (fact,) = run(dataset)
    assert f"{fact.owner}.{fact.attribute}" == stored
    assert fact.is_statement == is_statement
    assert fact.site[0].function == "__getitem__"
    assert (fact.loaders, fact.followed, fact.passes) == (("DataLoader",), 8, 4)
    assert 2 <= fact.samples <= 8
    assert 0 < fact.changed <= fact.checked


def adds_noise(samples: list[Any]) -> Any:
    for x, _ in samples:
        x += 0.1
    return torch.stack([x for x, _ in samples]), torch.stack([y for _, y in samples])


def test_what_collate_writes() -> None:
    data = TensorDataset(tensors(), torch.arange(COUNT))
    (fact,) = run(data, collate_fn=adds_noise)
    assert (fact.owner, fact.attribute, fact.site[0].function) == ("TensorDataset", "tensors", "adds_noise")


@pytest.mark.parametrize(
    "more",
    [
        {"batch_size": 1},
        {"batch_size": None, "shuffle": False},
        {"sampler": WeightedRandomSampler([1.0] * COUNT, COUNT), "shuffle": None},
        {"batch_sampler": [[1, 2, 3], [4, 5, 6]], "shuffle": None, "batch_size": 1},
        {"drop_last": True, "batch_size": 16},
    ],
    ids=lambda value: type(value).__name__,
)
def test_however_it_is_fetched(more: dict[str, Any]) -> None:
    assert run(Noise(arrays), 5, **more)


def test_passes_are_looked_at_at_powers_of_two_later() -> None:
    (fact,) = run(Noise(tensors), 17)
    assert (fact.samples, fact.passes) == (8, 8)  # the first six, the eighth and the sixteenth
    assert fact.step < 2 * 5


def test_every_loader_over_the_same_data_counts() -> None:
    data = Noise(tensors)
    loader, other = DataLoader(data, batch_size=8, shuffle=True), DataLoader(data, batch_size=20)
    with Session() as session:
        for _ in range(4):
            assert len(list(loader) + list(other)) == 7
    (fact,) = session.watcher.run.overwrites.values()
    assert fact.loaders == ("DataLoader", "DataLoader 2")
    assert fact.passes == 7  # of eight: the seventh is not looked at


class Cloned(Stored):
    def __getitem__(self, i: int) -> Any:
        x = torch.as_tensor(self.x[i]).clone()
        x += 0.1
        return x, self.y[i]


class Chosen(Stored):
    def __getitem__(self, i: int) -> Any:
        x = self.x[[i]]
        x += 0.1
        return x[0], self.y[i]


class FilledWhenAsked(Stored):
    def __init__(self, made: Callable[[], Any]) -> None:
        super().__init__(made)
        self.kept = np.full((COUNT, 8), np.nan, np.float32)

    def __getitem__(self, i: int) -> Any:
        row = self.kept[i]
        if np.isnan(row).any():
            row += np.nan_to_num(row, nan=0.0)
            np.add(self.x[i], 1.0, out=row)
        return torch.tensor(row), self.y[i]


class ScaledOnce(Stored):
    def __init__(self, made: Callable[[], Any]) -> None:
        super().__init__(made)
        self.ready = [False] * COUNT

    def __getitem__(self, i: int) -> Any:
        x = self.x[i]
        if not self.ready[i]:
            x *= 0.5
            self.ready[i] = True
        return x, self.y[i]


class Clipped(Stored):
    def __getitem__(self, i: int) -> Any:
        x = self.x[i]
        x.clamp_(0.2, 0.8)
        x[0] = 1.0
        return x, self.y[i]


class Refreshed(Stored):
    def __init__(self, made: Callable[[], Any]) -> None:
        super().__init__(made)
        self.kept = torch.zeros(COUNT, 8)

    def __getitem__(self, i: int) -> Any:
        self.kept[i] = self.x[i] + torch.rand(8)
        return self.kept[i], self.y[i]


class Simulated(Stored):
    def __getitem__(self, i: int) -> Any:
        x = self.x[i]
        x[:] = torch.rand(8)
        return x, self.y[i]


class Drawn(Stored):
    def __getitem__(self, i: int) -> Any:
        return self.x[i].normal_(), self.y[i]


class Scratch(Stored):
    def __init__(self, made: Callable[[], Any]) -> None:
        super().__init__(made)
        self.room = torch.zeros(8)

    def __getitem__(self, i: int) -> Any:
        x = self.room
        x.copy_(self.x[i])
        x += torch.rand(8)
        return x.clone(), self.y[i]


class Counted(Stored):
    def __init__(self, made: Callable[[], Any]) -> None:
        super().__init__(made)
        self.asked = torch.zeros(COUNT)
        self.score = np.ones(COUNT)
        self.latest = np.zeros((COUNT, 2))

    def __getitem__(self, i: int) -> Any:
        self.asked[i] += 1
        self.score[i] *= 0.9
        crop = self.latest[i]
        crop += 1
        return self.x[i], self.y[i], self.score[i], self.asked[i]


class Momentum(Stored):
    def __init__(self, made: Callable[[], Any]) -> None:
        super().__init__(made)
        self.mean, self.seen = torch.zeros(8), 0

    def __getitem__(self, i: int) -> Any:
        self.mean.mul_(0.99).add_(0.01 * self.x[i])
        self.seen += 1
        return self.x[i] - self.mean, self.y[i]


class Regenerated(Stored):
    def resample(self) -> None:
        self.x = torch.rand(COUNT, 8)

    def __getitem__(self, i: int) -> Any:
        x = self.x[i]
        x *= 0.5
        return x, self.y[i]


def resampled(dataset: Any) -> None:
    dataset.x.copy_(torch.rand(COUNT, 8))


def labelled(dataset: Any) -> None:
    dataset.x[3:9] = torch.rand(6, 8)


def turned(dataset: Any) -> None:
    dataset.x = dataset.x[torch.randperm(COUNT)]


class Plain(Stored):
    def __getitem__(self, i: int) -> Any:
        return self.x[i], self.y[i]


class Shuffled(Stored):
    def __init__(self, made: Callable[[], Any]) -> None:
        super().__init__(made)
        self.order = np.arange(COUNT)

    def __iter__(self) -> Iterator[Any]:
        np.random.default_rng(0).shuffle(self.order)
        return iter(())

    def __getitem__(self, i: int) -> Any:
        return self.x[self.order[i]], self.y[self.order[i]]


class Stream(IterableDataset[Any]):
    def __init__(self) -> None:
        self.x = tensors()

    def __iter__(self) -> Iterator[Any]:
        for x in self.x:
            x += 0.1
            yield x, 0


@pytest.mark.parametrize(
    ("dataset", "each"),
    [
        (Cloned(tensors), None),
        (Cloned(arrays), None),
        (Chosen(tensors), None),
        (Chosen(arrays), None),
        (FilledWhenAsked(arrays), None),
        (ScaledOnce(tensors), None),
        (Clipped(tensors), None),
        (Refreshed(tensors), None),
        (Simulated(tensors), None),
        (Drawn(tensors), None),
        (Scratch(tensors), None),
        (Counted(tensors), None),
        (Momentum(tensors), None),
        (Regenerated(tensors), None),
        (Noise(tensors), resampled),
        (Noise(tensors), turned),
        (Plain(tensors), resampled),
        (Plain(tensors), labelled),
        (Plain(tensors), turned),
        (Plain(tensors), lambda d: d.x.add_(0.1)),
        (Shuffled(tensors), iter),
        (TensorDataset(tensors(), torch.arange(COUNT)), None),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Dataset) else getattr(value, "__name__", ""),
)
def test_healthy_datasets(dataset: Any, each: Callable[[Any], object] | None) -> None:
    assert run(dataset, 6, each) == []
    if not isinstance(dataset, TensorDataset):
        assert run(dataset, 6, each, sampler=WeightedRandomSampler([1.0] * COUNT, COUNT), shuffle=None) == []


def test_streams_and_single_passes_and_workers() -> None:
    assert run(Stream(), shuffle=None) == []
    assert run(Noise(tensors), 1) == []
    assert run(Noise(tensors), 3, num_workers=1) == []
    with contextlib.suppress(AssertionError):
        assert run([(torch.rand(8), 0)] * COUNT) == []


def trained(watched: bool) -> list[Tensor]:
    """The data, and the random numbers, after passes that change the data, with Osler and without."""
    data = Erased(tensors)
    torch.manual_seed(1)
    batches: list[Tensor] = []
    with Session() if watched else contextlib.nullcontext():
        loader = DataLoader(data, batch_size=8, shuffle=True)
        for _ in range(8):
            batches += [x for x, _ in loader]
    return [*batches, data.x, torch.get_rng_state()]


def test_training_comes_out_the_same() -> None:
    torch.manual_seed(0)
    plain = trained(watched=False)
    torch.manual_seed(0)
    watched = trained(watched=True)
    assert all(map(torch.equal, plain, watched))


def test_the_iterator_and_the_data_are_left_as_they_are() -> None:
    data = Plain(tensors)
    version = data.x._version
    with Session():
        loader = DataLoader(data, batch_size=8)
        for _ in range(7):
            iterator: Any = iter(loader)
            list(iterator)
    assert vars(iterator._dataset_fetcher).keys() == vars(iter(loader)._dataset_fetcher).keys()  # type: ignore
    assert iterator._dataset_fetcher.collate_fn is loader.collate_fn
    assert data.x._version == version


def test_a_dataset_is_not_kept_alive() -> None:
    gone: list[object] = []
    with Session():
        for _ in range(12):  # more than are followed
            data = Plain(tensors)
            weakref.finalize(data, gone.append, 1)
            list(DataLoader(data, batch_size=8))
        del data
        assert len(gone) == 12


DATA = TensorDataset(torch.zeros(4, 2))


@pytest.mark.parametrize(
    ("dataset", "own"),
    [
        (DATA, True),
        (Subset(DATA, [0, 1]), True),
        (ConcatDataset([DATA, Subset(DATA, [0])]), True),
        (Plain(tensors), False),
        (Subset(Plain(tensors), [0]), False),
        (ConcatDataset([DATA, Plain(tensors)]), False),
    ],
    ids=lambda value: type(value).__name__,
)
def test_where_only_torchs_own_code_runs_nothing_is_followed(dataset: Any, own: bool) -> None:
    assert only_indexes(dataset) is own
