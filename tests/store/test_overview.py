"""The course of a series in so many stretches, whatever its length."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osler.store.overview import ENOUGH, Overview, overview, shown
from osler.store.rollup import WIDTH, Rollup, of_records


def records(steps: list[int], values: list[float] | None = None) -> Rollup:
    given = np.array(steps if values is None else values, np.float64)
    return of_records((np.zeros(len(steps), np.uint32), np.array(steps, np.int64), given), 1)


def stretches(seen: Overview) -> list[range]:
    return [range(start, start + seen.width) for start in seen.start.tolist()]


@settings(max_examples=60, deadline=None)
@given(st.integers(-50, 5_000), st.integers(1, 300), st.integers(2, 40))
def test_at_most_so_many_wherever_the_steps_begin(first: int, count: int, buckets: int) -> None:
    """A run that was resumed begins in the middle of a stretch."""
    steps = list(range(first, first + count))
    seen = shown(records(steps), buckets, 1)
    assert len(seen.start) <= buckets
    assert seen.count.sum() == count
    assert all(any(step in stretch for stretch in stretches(seen)) for step in steps)


@pytest.mark.parametrize(
    ("first", "count", "buckets", "width"),
    [(0, 10, 10, 1), (0, 10, 5, 2), (0, 11, 5, 3), (0, 3, 100, 1), (7, 6, 2, 5), (1, 4, 2, 3), (0, 1, 2, 1)],
)
def test_stretches_are_as_narrow_as_they_can_be(first: int, count: int, buckets: int, width: int) -> None:
    seen = shown(records(list(range(first, first + count))), buckets, 1)
    assert seen.width == width
    assert all(start % width == 0 for start in seen.start.tolist())


@pytest.mark.parametrize("buckets", [-3, 0, 1, 2])
def test_fewer_than_two_are_not_to_be_had(buckets: int) -> None:
    """Steps on both sides of a border are in two stretches, however wide these are."""
    assert len(shown(records([-1, 0]), buckets, 1).start) == 2
    assert shown(records(list(range(9))), buckets, 1).count.sum() == 9


def test_a_gap_is_left_out() -> None:
    seen = shown(records([0, 1, 900, 901]), 10, 1)
    assert (seen.start.tolist(), seen.width) == ([0, 819], 91)


def test_nothing_has_no_course() -> None:
    seen = shown(records([]), 10, 1)
    assert (len(seen.start), seen.width) == (0, 1)


def test_every_number_of_a_stretch() -> None:
    seen = shown(records([0, 1, 2, 3], [1.0, math.nan, 5.0, -1.0]), 2, 1)
    assert (seen.low.tolist(), seen.high.tolist()) == ([1.0, -1.0], [1.0, 5.0])
    assert (seen.mean.tolist(), seen.count.tolist(), seen.nans.tolist()) == ([1.0, 2.0], [2, 2], [1, 0])


class Records:
    """A series of so many steps, and whether anybody read all of it."""

    def __init__(self, count: int) -> None:
        self.steps = np.arange(count)
        self.read_all = False

    def rollup(self, sid: int) -> Rollup:
        return of_records((np.full(len(self.steps), sid, np.uint32), self.steps, self.steps.astype(float)))

    def series(self, sid: int) -> tuple[np.ndarray, np.ndarray]:  # pyright: ignore
        self.read_all = True
        return self.steps, self.steps.astype(float)


@pytest.mark.parametrize(
    ("count", "buckets", "read_all"),
    [
        (ENOUGH * WIDTH, 1_000, False),
        (ENOUGH * WIDTH - WIDTH, 1_000, True),
        (10 * WIDTH, 10, False),
        (9 * WIDTH, 10, True),
    ],
    ids=["long", "just too short", "few rows are asked for", "more than there are"],
)
def test_a_long_series_is_not_read(count: int, buckets: int, read_all: bool) -> None:
    scalars = Records(count)
    seen = overview(scalars, 3, buckets)  # pyright: ignore
    assert scalars.read_all is read_all
    assert seen.count.sum() == count
    assert len(seen.start) <= buckets
    assert (seen.low[0], seen.high[-1]) == (0.0, count - 1.0)
    assert (seen.width % WIDTH == 0) is not read_all
