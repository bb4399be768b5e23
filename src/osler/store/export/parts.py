"""The records of a run as every target takes them: segment by segment, so that a long run needs no memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from osler.store.reader import StoredRun
from osler.store.records import Series


@dataclass(frozen=True, slots=True)
class Part:
    """Records of one process in the order in which they were recorded; all arrays have one length.

    Attributes:
        process: name of its folder, for example ``r00000``.
        series: by number; every number of this part is there.
        sids: numbers of series.
        steps: optimizer steps finished before each value.
        values: the numbers.
    """

    process: str
    series: dict[int, Series]
    sids: NDArray[np.uint32]
    steps: NDArray[np.int64]
    values: NDArray[np.float64]


def parts(stored: StoredRun) -> Iterator[Part]:
    """All records of all processes."""
    for process in stored.processes:
        known = {sid: written(series) for sid, series in process.series.items()}
        for sids, steps, values in process.scalars.everything():
            for sid in np.unique(sids).tolist():
                known.setdefault(sid, Series(f"series {sid}"))
            yield Part(process.name, known, sids, steps, values)


def written(series: Series) -> Series:
    """The series with texts that every format can hold: half a character of two would be refused."""
    texts = {field.name: getattr(series, field.name) for field in fields(series)}
    return replace(series, **{n: t.encode("utf-8", "backslashreplace").decode() for n, t in texts.items()})
