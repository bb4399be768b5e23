"""Batches and passes; loaders and samplers of all kinds."""

import pytest
import torch
from torch import nn
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    Sampler,
    SequentialSampler,
    TensorDataset,
)

from osler.model import Kind

DATA = TensorDataset(torch.randn(10, 3), torch.randn(10, 1))


def test_a_pass_in_batches(session, turns, events, line_of):
    loader = DataLoader(DATA, batch_size=4)
    with session:
        for _batch in loader:
            pass
    assert turns() == ["3: batch DataLoader", "1: pass-end DataLoader"]
    assert events(Kind.BATCH)[0].place.line == line_of("for _batch in loader")
    assert list(session.run.columns["batch_size"].history()[1]) == [4, 4, 2]
    assert len(session.run.columns["loader_seconds"]) == 3
    assert session.run.passes == 1


def test_a_whole_turn(session, turns):
    model = nn.Linear(3, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with session:
        for _ in range(2):
            for x, y in DataLoader(DATA, batch_size=5, shuffle=True):
                optimizer.zero_grad()
                nn.functional.mse_loss(model(x), y).backward()
                optimizer.step()
    assert turns() == [
        "4: batch DataLoader, clear SGD, forward Linear grad, loss mse_loss grad, backward, "
        "used Linear grad, step SGD fresh",
        "2: pass-end DataLoader",
    ]


def test_several_loaders_have_their_own_names(session, events):
    first, second = DataLoader(DATA, batch_size=5), DataLoader(DATA, batch_size=5)
    with session:
        for _ in zip(first, second, strict=True):
            pass
    assert [e.subject for e in events(Kind.BATCH)] == ["DataLoader", "DataLoader 2"]


def test_next_of_an_endless_iterator(session, turns):
    def endless(loader):
        while True:
            yield from loader

    batches = endless(DataLoader(DATA, batch_size=5))
    with session:
        for _ in range(5):
            next(batches)
    assert turns() == ["5: batch DataLoader", "2: pass-end DataLoader"]


class Stream(IterableDataset):
    def __iter__(self):
        return iter(torch.arange(6.0))


class Backwards(Sampler):
    def __iter__(self):
        return iter(range(9, -1, -1))

    def __len__(self):
        return 10


class Dicts(Dataset):
    def __len__(self):
        return 4

    def __getitem__(self, i):
        return {"x": torch.randn(2), "i": i}


@pytest.mark.parametrize(
    ("loader", "batches"),
    [
        (lambda: DataLoader(Stream(), batch_size=2), 3),
        (lambda: DataLoader(DATA, sampler=Backwards(), batch_size=5), 2),
        (lambda: DataLoader(DATA, batch_sampler=[[0, 1], [2], [3, 4, 5]]), 3),
        (lambda: DataLoader(Dicts(), batch_size=2), 2),
        (lambda: DataLoader(Dicts(), batch_size=2, collate_fn=lambda rows: rows), 2),
        (lambda: DataLoader(DATA, batch_size=None), 10),
        (lambda: DataLoader([], batch_size=2), 0),
    ],
)
def test_kinds_of_loaders(session, loader, batches):
    with session:
        assert sum(1 for _ in loader()) == batches
    assert sum(p.count for p in session.run.patterns if p.of(Kind.BATCH)) == batches
    assert session.run.passes == 1


@pytest.mark.parametrize("persistent", [False, True])
def test_forked_workers(session, turns, persistent):
    loader = DataLoader(
        DATA, batch_size=5, num_workers=1, persistent_workers=persistent, multiprocessing_context="fork"
    )
    with session:
        for _ in range(2):
            for _batch in loader:
                pass
    assert turns() == ["4: batch DataLoader", "2: pass-end DataLoader"]


class Subclass(DataLoader):
    def __iter__(self):
        for x, y in super().__iter__():
            yield x * 2, y


class Cycled:
    """A wrapper as accelerators have them."""

    def __init__(self, loader):
        self.loader = loader

    def __iter__(self):
        yield from self.loader


@pytest.mark.parametrize(
    "wrap", [lambda: Subclass(DATA, batch_size=5), lambda: Cycled(DataLoader(DATA, batch_size=5))]
)
def test_loaders_around_loaders(session, turns, wrap):
    with session:
        for _batch in wrap():
            pass
    assert [t.split()[1] for t in turns()] == ["batch", "pass-end"]


def test_batches_cut_by_hand(session, turns):
    x, model = torch.randn(12, 3), nn.Linear(3, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with session:
        for rows in torch.randperm(12).split(4):
            optimizer.zero_grad()
            model(x[rows]).sum().backward()
            optimizer.step()
    assert turns() == ["3: clear SGD, forward Linear grad, backward, used Linear grad, step SGD fresh"]


def test_a_failing_dataset_raises_its_own_error(session, turns):
    class Broken(Dicts):
        def __getitem__(self, i):
            raise KeyError(f"row {i}")

    with session, pytest.raises(KeyError, match="row 0"):
        next(iter(DataLoader(Broken())))
    assert turns() == []


def test_breaking_off_a_pass(session, turns):
    loader = DataLoader(DATA, batch_size=2)
    with session:
        for _ in range(3):
            for _batch in loader:
                break
    assert turns() == ["3: batch DataLoader"]


@pytest.mark.parametrize(
    ("options", "order", "batches", "last"),
    [
        ({"batch_size": 4}, "sequential", 3, 2),
        ({"batch_size": 4, "shuffle": True}, "random", 3, 2),
        ({"batch_size": 4, "drop_last": True}, "sequential", 2, 4),
        ({"batch_size": 4, "sampler": [0, 1, 2]}, "custom", 1, 3),
        ({"batch_sampler": [[0, 1], [2]]}, "custom", -1, 0),
        ({"batch_sampler": BatchSampler(RandomSampler(range(10)), 4, False)}, "random", 3, 2),
        ({"batch_sampler": BatchSampler(SequentialSampler(range(10)), 4, True)}, "sequential", 2, 4),
        ({"batch_sampler": BatchSampler(Backwards(), 5, False)}, "custom", 2, 5),
        ({"batch_size": None}, "custom", -1, 0),
    ],
)
def test_what_a_loader_draws(session, options, order, batches, last):
    loader = DataLoader(TensorDataset(torch.arange(10)), **options)
    with session:
        for _ in range(3):
            next(iter(loader))
    fact = session.run.loaders["DataLoader"]
    assert (fact.order, fact.batches, fact.last_size, fact.begun) == (order, batches, last, 3)


def test_loaders_built_anew_for_every_pass_keep_their_names_apart(session, turns):
    """As some trainers do: the one that is evaluated does not take the name of the one that is trained on."""
    with session:
        for _ in range(3):
            for _batch in DataLoader(DATA, batch_size=5, shuffle=True):
                pass
            for _batch in DataLoader(DATA, batch_size=10):
                pass
    assert {name: fact.order for name, fact in session.run.loaders.items()} == {
        "DataLoader": "random",
        "DataLoader 2": "sequential",
    }
    assert {fact.begun for fact in session.run.loaders.values()} == {3}
