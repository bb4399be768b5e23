"""Two batches share a fingerprint only if they hold the same samples."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from osler.runtime.measures import Moment, batch_fingerprint

torch.set_num_threads(1)


def of(batch: object) -> float | None:
    return batch_fingerprint.take(Moment(batch=batch))


def test_the_same_samples_have_the_same() -> None:
    torch.manual_seed(0)
    images = torch.randn(64, 3, 8, 8)
    assert of([images, torch.zeros(64)]) == of([images.clone(), torch.ones(64)])


@given(st.integers(0, 63), st.integers(0, 63))
def test_another_order_has_another(one: int, other: int) -> None:
    torch.manual_seed(0)
    images = torch.randn(64, 3)
    swapped = images.clone()
    swapped[[one, other]] = images[[other, one]]
    assert (of(images) == of(swapped)) == (one == other)


@pytest.mark.parametrize("changed", [torch.zeros(4, 6), torch.zeros(24).long() + 1, torch.ones(24)])
def test_shape_and_values_count(changed: Tensor) -> None:
    assert of(torch.zeros(24)) != of(changed)


@pytest.mark.parametrize("batch", [None, "text", torch.zeros(0), torch.zeros(2, device="meta")])
def test_nothing_to_measure(batch: object) -> None:
    assert of(batch) is None
