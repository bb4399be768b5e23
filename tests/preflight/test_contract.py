"""Numbers by which scripts divide a loss: micro-batches, and targets that were added up."""

import pytest
import torch

from osler.preflight.contract import added, is_split
from osler.replay.turn import LossCall


def call(reduction: str = "mean", target: torch.Tensor | None = None, **more: object) -> LossCall:
    given = {"target": torch.arange(20) if target is None else target, "reduction": reduction, **more}
    return LossCall("cross_entropy", given, torch.tensor(1.0), ())


@pytest.mark.parametrize(
    ("given", "count"),
    [
        (call(), 0),
        (call("sum"), 20),
        (call("sum", torch.tensor([1, -100, 3, -100])), 2),
        (call("sum", torch.tensor([1, 0, 3, 0]), ignore_index=0), 2),
        (call("sum", torch.rand(20)), 0),
    ],
)
def test_targets_that_were_added_up(given: LossCall, count: int) -> None:
    assert added(given) == count


@pytest.mark.parametrize("parts", [1, 4, 64, 4.001, 3.999])
def test_a_mean_is_divided_by_the_micro_batches(parts: float) -> None:
    assert is_split(call(), parts)


@pytest.mark.parametrize("parts", [0.4, 1.5, 65, 1000])
def test_a_mean_is_divided_by_nothing_else(parts: float) -> None:
    assert not is_split(call(), parts)


@pytest.mark.parametrize("parts", [1, 4, 20, 41, 999.9999])
def test_a_sum_is_divided_by_the_targets_of_its_window(parts: float) -> None:
    assert is_split(call("sum"), parts)


@pytest.mark.parametrize("parts", [20.4, 555.5, 20 * 65, 1.5])
def test_a_sum_with_something_added_is_no_mean(parts: float) -> None:
    assert not is_split(call("sum"), parts)
