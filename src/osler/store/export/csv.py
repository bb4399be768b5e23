"""One row per value, for spreadsheets, pandas and R: series, measure, subject, step, value, unit, process."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from io import StringIO
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
        file.write(f"{row(HEAD)}\n")
        for part in parts(stored):
            amount += len(part.sids)
            for sid, (steps, values) in by_series((part.sids, part.steps, part.values)).items():
                about = part.series[sid]
                before, after = (
                    row((about.name, about.measure, about.subject)),
                    row((about.unit, part.process)),
                )
                numbers = zip(steps.tolist(), values.tolist(), strict=True)
                file.writelines(f"{before},{step},{value!r},{after}\n" for step, value in numbers)
    return amount


def row(cells: Sequence[str]) -> str:
    """Cells beside each other, quoted where that is needed."""
    text = StringIO()
    csv.writer(text, lineterminator="").writerow(cells)
    return text.getvalue()
