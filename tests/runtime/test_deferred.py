"""Losses on an accelerator are read in bundles: nothing is lost, and every value keeps its step.

The tensors are on the CPU here; what is read and when does not depend on the device.
"""

import pytest
import torch
from torch import Tensor

from osler.model import Place, Site
from osler.runtime.deferred import BUNDLE, Deferred
from osler.runtime.watcher import Watcher

torch.set_num_threads(1)

SITE: Site = (Place("/me/train.py", 7, "main"),)


@pytest.fixture
def watcher() -> Watcher:
    return Watcher(pytest.fail)


@pytest.fixture
def deferred(watcher: Watcher) -> Deferred:
    return Deferred(watcher)


def put(deferred: Deferred, *values: Tensor | float) -> None:
    """One backward and one step per value."""
    for value in values:
        deferred.watcher.run.backwards += 1
        deferred.put(torch.as_tensor(value), SITE)
        deferred.watcher.run.steps += 1


def losses(watcher: Watcher) -> list[float]:
    column = watcher.run.columns.get("loss")
    return list(column.history()[1]) if column else []


@pytest.mark.parametrize("count", [0, 1, BUNDLE - 1])
def test_fewer_than_a_bundle_wait(watcher: Watcher, deferred: Deferred, count: int) -> None:
    put(deferred, *range(count))
    assert losses(watcher) == []


@pytest.mark.parametrize("count", [BUNDLE, BUNDLE + 1, 2 * BUNDLE, 3 * BUNDLE - 1])
def test_full_bundles_are_read(watcher: Watcher, deferred: Deferred, count: int) -> None:
    put(deferred, *range(count))
    assert losses(watcher) == list(range(count // BUNDLE * BUNDLE))


def test_the_rest_is_read_at_the_end(watcher: Watcher, deferred: Deferred) -> None:
    put(deferred, 3.0, 2.0, 1.0)
    watcher.finish()
    assert losses(watcher) == [3, 2, 1]


def test_every_value_belongs_to_the_step_at_which_it_was_noted(watcher: Watcher, deferred: Deferred) -> None:
    put(deferred, 3.0, 2.0, 1.0)
    deferred.read()
    assert list(watcher.run.columns["loss"].history()[0]) == [0, 1, 2]


def test_reading_twice_adds_nothing(watcher: Watcher, deferred: Deferred) -> None:
    put(deferred, 3.0)
    deferred.read()
    deferred.read()
    assert losses(watcher) == [3]


def test_a_loss_that_is_changed_afterwards_keeps_its_value(watcher: Watcher, deferred: Deferred) -> None:
    loss = torch.tensor(2.0)
    put(deferred, loss)
    loss.mul_(100)
    deferred.read()
    assert losses(watcher) == [2]


@pytest.mark.parametrize(
    "loss",
    [
        torch.tensor([2.0]),
        torch.tensor([[2.0]]),
        torch.tensor(2.0, dtype=torch.float64),
        torch.tensor(2.0, dtype=torch.bfloat16),
        torch.tensor(2.0, requires_grad=True) * 1,
    ],
    ids=["a vector of one", "a matrix of one", "float64", "bfloat16", "with a graph"],
)
def test_any_single_number_will_do(watcher: Watcher, deferred: Deferred, loss: Tensor) -> None:
    put(deferred, 1.0, loss)
    deferred.read()
    assert losses(watcher) == [1, 2]


def test_a_waiting_loss_keeps_no_graph(deferred: Deferred) -> None:
    put(deferred, torch.ones(1, requires_grad=True).sum())
    assert deferred.waiting[0][0].grad_fn is None


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), float("-inf")])
def test_the_first_value_that_is_not_finite_is_remembered(
    watcher: Watcher, deferred: Deferred, odd: float
) -> None:
    put(deferred, 3.0, 2.0, odd, 1.0, float("nan"))
    deferred.read()
    fact = watcher.run.not_finite["loss"]
    assert repr(fact.value) == repr(odd)
    assert (fact.step, fact.backward, fact.site) == (2, 3, SITE)
    assert (fact.first_finite, fact.last_finite) == (3.0, 2.0)


def test_finite_values_are_nothing_to_remember(watcher: Watcher, deferred: Deferred) -> None:
    put(deferred, 0.0, 1e38, -1e38)
    deferred.read()
    assert watcher.run.not_finite == {}
