"""Run a training with and without Osler and compare all that it leaves behind."""

from collections.abc import Callable, Iterable
from types import FunctionType
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torch.utils.data import DataLoader

from osler.session import Session, watch
from osler.settings import Settings

Train = Callable[[], Iterable[Tensor]]
Unharmed = Callable[[Train], Session]

OWNERS = (
    nn.Module,
    nn.functional,
    nn.utils,
    Optimizer,
    LRScheduler,
    DataLoader,
    Tensor,
    torch,
    torch.autograd,
    torch.utils.data.dataloader._BaseDataLoaderIter,
    torch.optim.lr_scheduler.ReduceLROnPlateau,
)
"""Where training programs find what a watcher could have replaced."""

NEXT_TO_NOTHING, NO_LIMIT = 1e-9, 1.0
"""Budgets with which the watcher rests as often as it can, and never."""


def bindings() -> dict[tuple[str, str], tuple[object, object]]:
    """Every function that training finds by a name of torch's, and its code."""
    return {
        (str(owner), name): (value, value.__code__)
        for owner in OWNERS
        for name, value in vars(owner).items()
        if isinstance(value, FunctionType)
    }


def bits(tensor: Tensor) -> tuple[object, ...]:
    """What must be equal: type, shape and every bit, NaN included."""
    whole = tensor.detach().to_dense().contiguous() if tensor.layout != torch.strided else tensor.detach()
    return tensor.dtype, tuple(whole.shape), whole.resolve_conj().flatten().view(torch.uint8).tolist()


@pytest.fixture
def unharmed() -> Unharmed:
    """Train without and with Osler; the numbers are the same, nothing fails and nothing is found.

    The training makes everything it uses; whatever it yields is compared, and the state of the generator.
    """

    def compare(train: Train) -> Session:
        plain, before = left_behind(train), bindings()
        for overhead in (NEXT_TO_NOTHING, NO_LIMIT):
            with watch(quiet=True, settings=Settings(overhead=overhead)) as session:
                watched = left_behind(train)
            assert watched == plain
            assert bindings() == before
            assert session.watcher.guard.failures == []
            assert session.diagnosis.failed == {}
            assert [f"{f.check}: {f.message}" for f in session.diagnosis.headlines] == []
        return session

    return compare


def left_behind(train: Train) -> list[Any]:
    torch.manual_seed(0)
    return [*map(bits, train()), torch.get_rng_state().tolist()]
