"""Sizes of what a loss gets; the oracle takes logarithms in Python."""

import math

import pytest
import torch

from osler.model.histogram import BINS, LOWEST
from osler.runtime.measures import Moment, loss_input

torch.set_num_threads(1)


@pytest.mark.parametrize("scale", [1e-9, 1e-3, 1.0, 30.0, 1e9])
def test_each_number_is_in_the_bin_of_its_power_of_two(scale: float) -> None:
    torch.manual_seed(0)
    scores = torch.randn(40, 7) * scale
    found = loss_input.take(Moment(scores=scores))
    assert found is not None
    expected = [0] * BINS
    for value in scores.double().flatten().tolist():
        expected[min(BINS - 1, max(0, math.floor(math.log2(abs(value))) - LOWEST))] += 1
    assert found.bins.tolist() == expected
    assert found.negatives == int((scores < 0).sum())
    positive = loss_input.take(Moment(scores=scores.relu()))
    assert positive is not None
    assert [a - b for a, b in zip(found.bins, found.below, strict=True)] == positive.bins.tolist()


def test_what_has_no_power_is_counted_apart() -> None:
    scores = torch.tensor([0.0, -0.0, math.nan, math.inf, -math.inf, -2.0], requires_grad=True)
    found = loss_input.take(Moment(scores=scores))
    assert found is not None
    assert (found.zeros, found.nans, found.infinities, found.negatives, sum(found.bins)) == (2, 1, 2, 1, 1)


def test_of_a_large_tensor_some_are_counted() -> None:
    found = loss_input.take(Moment(scores=torch.ones(1000, 1000)))
    assert found is not None
    assert loss_input.ELEMENTS / 2 < sum(found.bins) <= 2 * loss_input.ELEMENTS


@pytest.mark.parametrize(
    "scores", [None, torch.zeros(0), torch.zeros(3).long(), torch.zeros(2, device="meta")]
)
def test_nothing_to_measure(scores: object) -> None:
    assert loss_input.take(Moment(scores=scores)) is None
