"""A few rows that say of many records what the records would say."""

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from osler.store.frames import Columns
from osler.store.rollup import COLUMNS, WIDTH, Rollup, merged, of_records

Record = tuple[int, int, float]
VALUES = st.sampled_from([0.0, 1.0, -2.5, 1e9, 0.1, math.nan, math.inf, -math.inf])
RECORDS = st.lists(st.tuples(st.integers(0, 2), st.integers(-9, 40), VALUES), max_size=24)
few = settings(max_examples=40, deadline=None)


def columns(records: list[Record]) -> Columns:
    sids, steps, values = zip(*records, strict=True) if records else ((), (), ())
    return np.array(sids, np.uint32), np.array(steps, np.int64), np.array(values, np.float64)


def naive(records: list[Record], width: int) -> list[tuple[object, ...]]:
    """The same by the words of the docstring."""
    parts: dict[tuple[int, int], list[float]] = {}
    for sid, step, value in records:
        parts.setdefault((sid, math.floor(step / width)), []).append(value)
    rows: list[tuple[object, ...]] = []
    for (sid, bucket), values in sorted(parts.items()):
        real = [value for value in values if value == value]
        low, high = (min(real), max(real)) if real else (math.nan, math.nan)
        mean = sum(real) / len(real) if real else math.nan
        rows.append((sid, bucket, low, high, mean, len(values), len(values) - len(real)))
    return rows


def told(rollup: Rollup) -> list[tuple[object, ...]]:
    return list(zip(*(getattr(rollup, name).tolist() for name in COLUMNS), strict=True))


def assert_same(rollup: Rollup, expected: list[tuple[object, ...]]) -> None:
    assert [row[:2] for row in told(rollup)] == [row[:2] for row in expected]
    for row, other in zip(told(rollup), expected, strict=True):
        np.testing.assert_allclose(row, other, rtol=1e-12)


@few
@given(RECORDS, st.integers(1, 12))
def test_rows_say_what_the_records_say(records: list[Record], width: int) -> None:
    assert_same(of_records(columns(records), width), naive(records, width))


@few
@given(RECORDS, st.integers(1, 5), st.integers(1, 5))
@example([(0, 0, math.inf), (0, 0, -math.inf), (0, 1, 1.0)], 1, 2)
def test_wider_rows_are_those_of_the_records(records: list[Record], width: int, factor: int) -> None:
    """Also where a stretch holds infinities of both signs, whose mean is NaN."""
    assert_same(merged([of_records(columns(records), width)], factor), naive(records, width * factor))


@few
@given(RECORDS, st.integers(0, 24))
def test_parts_are_the_whole(records: list[Record], cut: int) -> None:
    """Segments are rolled up one by one, and a stretch may lie in two of them."""
    parts = [of_records(columns(records[:cut]), 4), of_records(columns(records[cut:]), 4)]
    assert_same(merged(parts), naive(records, 4))


def test_nothing_is_nothing() -> None:
    empty = of_records(columns([]))
    assert (len(empty), told(empty)) == (0, [])
    assert told(merged([empty, empty], 3)) == []


def test_nan_is_counted_and_left_out_of_everything_else() -> None:
    rollup = of_records(columns([(0, 0, math.nan), (0, 1, 2.0), (0, 2, 4.0), (0, WIDTH, math.nan)]))
    assert repr(told(rollup)) == "[(0, 0, 2.0, 4.0, 3.0, 3, 1), (0, 1, nan, nan, nan, 1, 1)]"


@pytest.mark.parametrize(
    ("values", "mean"),
    [([1.0, math.inf], math.inf), ([1.0, -math.inf], -math.inf), ([math.inf, -math.inf], math.nan)],
)
def test_an_infinite_value_makes_the_mean_infinite(values: list[float], mean: float) -> None:
    rollup = of_records(columns([(0, step, value) for step, value in enumerate(values)]))
    np.testing.assert_equal(rollup.mean.tolist(), [mean])
    assert (rollup.low.tolist(), rollup.high.tolist()) == ([min(values)], [max(values)])


def test_rows_are_sorted_whatever_the_order_of_the_records() -> None:
    """A step counter that was set back, series that were recorded by turns."""
    records = [(1, 900, 1.0), (0, 3, 1.0), (1, 0, 1.0), (0, 900, 1.0), (1, 901, 3.0)]
    rollup = of_records(columns(records))
    assert list(zip(rollup.sid.tolist(), rollup.bucket.tolist(), strict=True)) == [
        (0, 0),
        (0, 3),
        (1, 0),
        (1, 3),
    ]
    assert rollup.mean.tolist() == [1.0, 1.0, 1.0, 2.0]


def test_a_table_has_one_column_for_each_name() -> None:
    table = of_records(columns([(0, 0, 1.0)])).table
    assert tuple(table) == COLUMNS
    assert {len(column) for column in table.values()} == {1}
