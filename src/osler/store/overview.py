"""The course of one series in a few hundred rows, whatever its length."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from osler.store.frames import Columns
from osler.store.rollup import WIDTH, Rollup, merged, of_records
from osler.store.scalars import Scalars

ENOUGH = 200
"""Rows from which on the stored roll-up is fine enough."""


@dataclass(frozen=True, slots=True)
class Overview:
    """Stretches of steps in order; all arrays have one length.

    Attributes:
        start: first step that a stretch may hold.
        low: smallest value that is not NaN; NaN if all are.
        high: largest such value.
        mean: of the values that are not NaN.
        count: values, NaN included.
        nans: values that are NaN.
        width: steps per stretch.
    """

    start: NDArray[np.int64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    mean: NDArray[np.float64]
    count: NDArray[np.int64]
    nans: NDArray[np.int64]
    width: int


def overview(scalars: Scalars, sid: int, buckets: int) -> Overview:
    """At most so many stretches of one series, two or more; fewer if it is short."""
    coarse = scalars.rollup(sid)
    if len(coarse) >= min(ENOUGH, buckets):
        return shown(coarse, buckets, WIDTH)
    steps, values = scalars.series(sid)
    return shown(of_records((np.full(len(steps), sid, np.uint32), steps, values), 1), buckets, 1)


def overviews(scalars: Scalars, buckets: int) -> dict[int, Overview]:
    """Every series in at most so many stretches, made from the records themselves in one pass."""
    return {sid: of_series(columns, buckets) for sid, columns in scalars.each().items()}


def of_series(columns: Columns, buckets: int) -> Overview:
    """Steps and values of one series in at most so many stretches; few values are kept one by one."""
    steps, values = columns
    span = int(steps.max() - steps.min()) + 1 if len(steps) else 1
    width = 1 if len(steps) <= buckets else -(-span // max(1, buckets))
    rows = of_records((np.zeros(len(steps), np.uint32), steps, values), width)
    if width > 1 and len(rows) > buckets:  # the first began in the middle
        width += 1
        rows = of_records((np.zeros(len(steps), np.uint32), steps, values), width)
    return Overview(rows.bucket * width, rows.low, rows.high, rows.mean, rows.count, rows.nans, width)


def shown(rows: Rollup, buckets: int, width: int) -> Overview:
    """Rows that are wide enough to be at most so many."""
    most = max(2, buckets)
    first, last = (int(rows.bucket[0]), int(rows.bucket[-1])) if len(rows) else (0, 0)
    factor = -(-(last - first + 1) // most)
    while last // factor - first // factor >= most:  # the first begins in the middle of a stretch
        factor += 1
    wide, size = merged([rows], factor), factor * width
    return Overview(wide.bucket * size, wide.low, wide.high, wide.mean, wide.count, wide.nans, size)
