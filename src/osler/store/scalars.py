"""All records of one process: sealed segments, then those that may still grow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from errno import ELOOP
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from osler.errors import StoreError
from osler.store.frames import SCALARS, Columns
from osler.store.hot import HotSegment, by_series, joined
from osler.store.layout import SEGMENT
from osler.store.rollup import COLUMNS, Rollup, merged, of_records
from osler.store.sealed import SealedSegment, sealed

if TYPE_CHECKING:
    from osler.store.engine import Table


@dataclass(slots=True)
class Scalars:
    """The segments of one folder.

    Attributes:
        folder: of the process.
        failed: name of a file to why it could not be read.
        hot: segments that are not sealed, by name.
        sealed: segments that are, by name.
    """

    folder: Path
    failed: dict[str, str] = field(default_factory=dict[str, str])
    hot: dict[str, HotSegment] = field(default_factory=dict[str, HotSegment])
    sealed: dict[str, SealedSegment] = field(default_factory=dict[str, SealedSegment])

    @property
    def rows(self) -> int:
        """Records that are known to be there."""
        return sum(s.marker.rows for s in self.sealed.values()) + sum(s.rows for s in self.hot.values())

    def refresh(self) -> list[Columns] | None:
        """Look for new segments and batches.

        Returns:
            The batches that are new, in order; None if records that were read before have moved into sealed
            files, so that whoever counts them has to begin again.
        """
        moved = self._find()
        fresh = [batch for segment in self.hot.values() for batch in self._tried(segment)]
        for older in list(self.hot.values())[:-1]:
            older.release()
        return None if moved else fresh

    def _find(self) -> bool:
        """Names of segments, sealed ones first; whether one was sealed by somebody since the last look."""
        found = {m[1]: m[2] for m in map(SEGMENT.fullmatch, sorted(names(self.folder))) if m}
        moved = False
        for name, ending in found.items():  # ".sealed" sorts after ".arrows": it wins
            if ending == "sealed" and name not in self.sealed and (known := self._sealed(name)):
                before = self.hot.pop(name, None)
                self.failed.pop(f"{name}.arrows", None)
                moved |= before is not None and before.rows > 0
                self.sealed[name] = known
            elif name not in self.sealed and name not in self.hot:
                self.hot[name] = HotSegment(self.folder, name)
        return moved

    def _sealed(self, name: str) -> SealedSegment | None:
        try:
            return sealed(self.folder, name)
        except OSError as error:
            self.failed[f"{name}.sealed"] = why(error)
            return None

    def _tried(self, segment: HotSegment) -> list[Columns]:
        try:
            fresh = segment.refresh()
        except OSError as error:
            self.failed[segment.file] = why(error)
            return []
        self.failed.pop(segment.file, None)
        return fresh

    def everything(self) -> Iterator[Columns]:
        """All records, segment by segment."""
        for name in self._in_order():
            if name in self.sealed:
                yield from self._read([self.sealed[name]])
            else:
                yield self._hot_columns(self.hot[name])

    def each(self) -> dict[int, Columns]:
        """Steps and values of every series, oldest first."""
        parts: dict[int, list[Columns]] = {}
        for columns in self.everything():
            for sid, part in by_series(columns).items():
                parts.setdefault(sid, []).append(part)
        return {sid: joined(found, SCALARS[1:]) for sid, found in parts.items()}

    def series(self, sid: int) -> Columns:
        """Steps and values of one series, oldest first."""
        parts: list[Columns] = []
        for is_sealed, some in groupby(self._in_order(), self.sealed.__contains__):
            if is_sealed:
                parts += self._read([self.sealed[name] for name in some], sid)
            else:
                parts += [of_series(self._hot_columns(self.hot[name]), sid) for name in some]
        return joined(parts, SCALARS)[1:]

    def hot_records(self, sid: int) -> Columns:
        """Records of one series that are not sealed."""
        return joined([of_series(self._hot_columns(s), sid) for s in self.hot.values()], SCALARS)

    def _in_order(self) -> list[str]:
        """Names of all segments, the first one first: a damaged one stays unsealed before sealed ones."""
        return sorted(self.sealed.keys() | self.hot.keys())

    def rollup(self, sid: int) -> Rollup:
        """The roll-up of one series: of sealed segments as it is stored, of the others made now."""
        parts = [of_records(self.hot_records(sid))]
        paths: list[Path] = []
        for segment in self.sealed.values():
            try:
                paths.append(segment.rollup())
            except OSError as error:
                self.failed[segment.rollup_file] = why(error)
                parts += [of_records(columns) for columns in self._read([segment], sid)]
        if table := self._select(", ".join(COLUMNS), paths, sid):
            parts.append(Rollup(*(np.asarray(table[name]) for name in COLUMNS)))
        return merged(parts)

    def _hot_columns(self, segment: HotSegment) -> Columns:
        try:
            return segment.columns()
        except OSError as error:
            self.failed[segment.file] = why(error)
            return joined([], SCALARS)

    def _read(self, segments: list[SealedSegment], sid: int | None = None) -> Iterator[Columns]:
        paths = [path for s in segments if (path := self._trusted(s)) is not None]
        if table := self._select("sid, step, value", paths, sid):
            yield tuple(np.asarray(table[name]) for name in ("sid", "step", "value"))

    def _select(self, columns: str, paths: list[Path], sid: int | None) -> Table | None:
        if not paths:
            return None
        from osler.store.engine import engine  # most runs that are opened have nothing sealed yet

        try:
            return engine().select(columns, paths, sid)
        except StoreError as error:
            self.failed["sealed records"] = str(error)
            return None

    def _trusted(self, segment: SealedSegment) -> Path | None:
        try:
            return segment.data()
        except OSError as error:
            self.failed[segment.file] = why(error)
            return None


def of_series(columns: Columns, sid: int) -> Columns:
    """The records of one series."""
    return tuple(column[columns[0] == sid] for column in columns)


def names(folder: Path) -> list[str]:
    """What is in a folder; nothing if it cannot be read."""
    try:
        return [path.name for path in folder.iterdir()]
    except OSError:
        return []


def why(error: OSError) -> str:
    """Why a file could not be read, in words."""
    return "it is a link" if error.errno == ELOOP else error.strerror or "it cannot be read"
