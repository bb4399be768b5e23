"""One row per value, for spreadsheets, pandas and R: series, measure, subject, step, value, unit, process."""

from __future__ import annotations

import csv
from itertools import repeat
from pathlib import Path

from osler.store.export.parts import parts
from osler.store.hot import by_series
from osler.store.reader import StoredRun

SUFFIX = ".csv"
HEAD = ("series", "measure", "subject", "step", "value", "unit", "process")


def write(stored: StoredRun, path: Path) -> int:
    """Write the file; numbers have all their digits, NaN and infinity are ``nan``, ``inf`` and ``-inf``.

    Raises:
        OSError: it cannot be written.
    """
    amount = 0
    with path.open("x", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(HEAD)
        for part in parts(stored):
            amount += len(part.sids)
            for sid, (steps, values) in by_series((part.sids, part.steps, part.values)).items():
                about = part.series[sid]
                columns = [
                    *map(repeat, (about.name, about.measure, about.subject)),
                    steps.tolist(),
                    values.tolist(),
                    *map(repeat, (about.unit, part.process)),
                ]
                rows.writerows(zip(*columns, strict=False))
    return amount
