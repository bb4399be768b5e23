"""Read a segment that may still grow: only batches whose checksum fits, each of them once."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from osler.store.frames import SCALARS, BadFrame, Columns, Field, batches
from osler.store.layout import read_inside
from osler.store.sums import SIZE, Sum, entries


@dataclass(slots=True)
class HotSegment:
    """One ``.arrows`` file with its ``.sums``.

    Attributes:
        folder: of the process.
        name: of the file, without its ending.
        schema: of its batches.
        damaged: batches that were left out because they, or what is known of them, were changed.
        end: bytes of the file that sound entries speak of.
        rows: records in sound batches.
    """

    folder: Path
    name: str
    schema: tuple[Field, ...] = SCALARS
    damaged: int = 0
    end: int = 0
    rows: int = 0
    _read: int = 0
    _kept: list[Columns] = field(default_factory=list[Columns])
    _keeps: bool = True

    @property
    def file(self) -> str:
        """Name of the file."""
        return f"{self.name}.arrows"

    def refresh(self) -> list[Columns]:
        """Batches that were not there the last time.

        Raises:
            OSError: a file cannot be read.
        """
        fresh = self._load()
        self.rows += sum(len(columns[0]) for columns in fresh)
        if self._keeps:
            self._kept += fresh
        return fresh

    def columns(self) -> Columns:
        """Everything that was seen so far.

        Raises:
            OSError: a file cannot be read.
        """
        if self._keeps:
            return joined(self._kept, self.schema)
        again = HotSegment(self.folder, self.name, self.schema)
        columns = joined(again.refresh(), self.schema)
        if len(columns[0]) < self.rows:
            raise FileNotFoundError(None, "it was sealed or damaged since", self.file)
        return columns

    def release(self) -> None:
        """Keep nothing in memory from now on; what is asked for is read again."""
        self._keeps = False
        self._kept.clear()

    def _load(self) -> list[Columns]:
        try:
            found = list(entries(read_inside(self.folder, f"{self.name}.sums", self._read)))
        except FileNotFoundError:  # not yet, or no more
            return []
        sound = [entry for entry in found if entry is not None]
        start = min((entry.start for entry in sound), default=0)
        data = read_inside(self.folder, self.file, start) if sound else b""
        self._read += len(found) * SIZE  # only now: what cannot be read yet may be later
        self.damaged += len(found) - len(sound)
        if not sound:
            return []
        self.end = max(self.end, *(entry.start + entry.length for entry in sound))
        return [columns for entry in sound for columns in self._batch(entry, data, start)]

    def _batch(self, entry: Sum, data: bytes, start: int) -> list[Columns]:
        part = data[entry.start - start : entry.start - start + entry.length]
        try:
            found = list(batches(part, self.schema)) if entry.fits(part) else []
        except BadFrame:
            found = []
        if sum(len(columns[0]) for columns in found) != entry.rows:
            self.damaged += 1
            return []
        return found

    def tail(self) -> int:
        """Bytes at the end that were written and never acknowledged."""
        try:
            size = (self.folder / self.file).lstat().st_size
        except OSError:
            return 0
        return max(0, size - self.end)


def joined(parts: list[Columns], schema: tuple[Field, ...]) -> Columns:
    """Batches as one."""
    if not parts:
        shapes = ((0, f.width) if f.width > 1 else (0,) for f in schema)
        return tuple(np.empty(shape, f.type) for shape, f in zip(shapes, schema, strict=True))
    return tuple(np.concatenate(columns) for columns in zip(*parts, strict=True))


def by_series(columns: Columns) -> dict[int, Columns]:
    """The records of each series, in the order in which they were recorded."""
    sids: NDArray[np.uint32] = columns[0]
    order = np.argsort(sids, kind="stable")
    numbers, starts = np.unique(sids[order], return_index=True)
    ends = [*starts[1:].tolist(), len(sids)][: len(starts)]
    parts = [order[a:b] for a, b in zip(starts.tolist(), ends, strict=True)]
    return {n: tuple(c[part] for c in columns[1:]) for n, part in zip(numbers.tolist(), parts, strict=True)}
