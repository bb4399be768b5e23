"""Many records as a few rows: smallest, largest and mean value of a stretch of steps, and its NaNs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from osler.store.frames import Columns

WIDTH = 256
"""Steps per row of a stored roll-up."""


@dataclass(frozen=True, slots=True)
class Rollup:
    """One row per series and stretch of steps, sorted by both; all arrays have one length.

    Attributes:
        sid: numbers of series.
        bucket: number of the stretch: its first step over its width, rounded down.
        low: smallest value that is not NaN; NaN if all are.
        high: largest such value.
        mean: of the values that are not NaN.
        count: values, NaN included.
        nans: values that are NaN.
    """

    sid: NDArray[np.uint32]
    bucket: NDArray[np.int64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    mean: NDArray[np.float64]
    count: NDArray[np.int64]
    nans: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.bucket)

    @property
    def table(self) -> dict[str, NDArray[Any]]:
        """The rows by the names of their columns."""
        return {name: getattr(self, name) for name in COLUMNS}


COLUMNS = ("sid", "bucket", "low", "high", "mean", "count", "nans")


def of_records(columns: Columns, width: int = WIDTH) -> Rollup:
    """The roll-up of records ``(sid, step, value)``."""
    sids, steps, values = columns
    ones = np.ones(len(values), np.int64)
    each = Rollup(sids, steps, values, values, values, ones, np.isnan(values).astype(np.int64))
    return merged([each], width)


def merged(parts: list[Rollup], factor: int = 1) -> Rollup:
    """Roll-ups as one, each row of it wider by a factor."""
    sid, bucket, low, high, mean, count, nans = (
        np.concatenate([getattr(part, name) for part in parts]) for name in COLUMNS
    )
    bucket = bucket // factor
    order = np.lexsort((bucket, sid))
    sid, bucket = sid[order], bucket[order]
    if not len(order):
        return Rollup(sid, bucket, low, high, mean, count, nans)
    is_first = np.concatenate([[True], (sid[1:] != sid[:-1]) | (bucket[1:] != bucket[:-1])])
    starts = np.flatnonzero(is_first)
    values = np.where(count > nans, (count - nans) * mean, 0)
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        rows, bad = (np.add.reduceat(c[order], starts) for c in (count, nans))
        total = np.add.reduceat(values[order], starts)
        return Rollup(
            sid[starts],
            bucket[starts],
            np.fmin.reduceat(low[order], starts),
            np.fmax.reduceat(high[order], starts),
            np.where(rows > bad, total / (rows - bad), np.nan),
            rows,
            bad,
        )
