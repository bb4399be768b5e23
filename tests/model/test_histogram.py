"""The scale on which sizes are counted."""

import math
from array import array

import pytest

from osler.model import Histogram
from osler.model.histogram import BINS, LOWEST

FLOAT16_MOST, FLOAT16_LEAST = 65_504.0, 2.0**-24
HALF_PRECISION_EPSILON, SINGLE_PRECISION_EPSILON = 2.0**-11, 2.0**-24


def bin_of(size: float) -> int:
    """The bin as the docstring says it, without its ends."""
    return math.floor(math.log2(size)) - LOWEST


@pytest.mark.parametrize(
    ("size", "number"),
    [(2.0**-44, 0), (2.0**-43, 1), (0.5, 43), (0.999, 43), (1.0, 44), (1.999, 44), (2.0**19, 63)],
)
def test_where_a_size_is_counted(size: float, number: int) -> None:
    assert bin_of(size) == number


@pytest.mark.parametrize(
    "size", [FLOAT16_MOST, FLOAT16_LEAST, HALF_PRECISION_EPSILON, SINGLE_PRECISION_EPSILON, 1e-8, 1e-12, 1e5]
)
def test_what_training_meets_lies_between_the_ends(size: float) -> None:
    """Overflow and underflow of half precision, and Adam's epsilon, are told apart from the open ends."""
    assert 0 < bin_of(size) < BINS - 1


def test_numbers_without_a_size_are_none_at_first() -> None:
    seen = Histogram(array("I", [0] * BINS))
    assert (seen.zeros, seen.negatives, seen.nans, seen.infinities) == (0, 0, 0, 0)
