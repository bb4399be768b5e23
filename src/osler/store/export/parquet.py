"""The rows of the CSV file, typed, sorted by series and compressed: for DuckDB, pandas, Polars and Spark."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from osler.store.engine import Table, engine
from osler.store.export.csv import HEAD
from osler.store.export.parts import Part, parts
from osler.store.reader import StoredRun

SUFFIX = ".parquet"
ABOUT = ("series", "measure", "subject", "unit", "process")
"""Columns that are the same for all values of a series."""


def write(stored: StoredRun, path: Path) -> int:
    """Write the file.

    Raises:
        StoreError: it cannot be written.
    """
    keys: dict[tuple[str, int], int] = {}
    about: dict[str, list[str]] = {name: [] for name in ABOUT}

    def key(part: Part, sid: int) -> int:
        if (part.process, sid) not in keys:
            keys[part.process, sid] = len(keys)
            series = part.series[sid]
            texts = (series.name, series.measure, series.subject, series.unit, part.process)
            for column, text in zip(about.values(), texts, strict=True):
                column.append(text)
        return keys[part.process, sid]

    def numbers() -> Iterator[Table]:
        for part in parts(stored):
            sids, at = np.unique(part.sids, return_inverse=True)
            found = np.array([key(part, sid) for sid in sids.tolist()], np.uint32)
            yield {"key": found[at], "step": part.steps, "value": part.values}

    def names() -> Table:
        texts = {name: np.array(column, object) for name, column in about.items()}
        return {"key": np.arange(len(keys), dtype=np.uint32), **texts}

    return engine().write_joined(numbers(), names, HEAD, path)
