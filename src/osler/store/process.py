"""What one process recorded, read as far as it is sound, and read on while it grows."""

from __future__ import annotations

import os
import time
from array import array
from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import Path

from osler.model import Column, Run, counted
from osler.store.codec import Damaged, decode, number, text, whole
from osler.store.factfile import FactFile
from osler.store.facts import FactReader
from osler.store.frames import HISTOGRAMS, Columns
from osler.store.hot import HotSegment, by_series, joined
from osler.store.layout import DOCUMENT, FACTS, HISTOGRAM_SEGMENT, MANIFEST, birth, host, read_inside
from osler.store.lines import Line
from osler.store.manifest import Manifest, from_json
from osler.store.overview import Overview, overview, overviews
from osler.store.records import Ending, Note, Series
from osler.store.scalars import Scalars, names, why

NOBODY = (1 << 32) - 1
"""Number of no series."""

RECENT = 60.0
"""Seconds since the last write within which a process on another machine counts as alive."""


class Status(StrEnum):
    """How a recording ended."""

    COMPLETE = "complete"
    CUT_SHORT = "cut short"
    RECORDING = "still being written"


class StoredProcess:
    """One folder of a run directory.

    Args:
        folder: where it is.

    Attributes:
        manifest: what is known about the process; empty if its file is missing or damaged.
        series: what is recorded, by number.
        histograms: of what there are histograms, by number.
        notes: what happened once.
        ending: how it ended; None if it did not, or was killed.
        lost: records that were dropped while recording because the disk did not keep up.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest = Manifest()
        self.series: dict[int, Series] = {}
        self.histograms: dict[int, Series] = {}
        self.notes: list[Note] = []
        self.ending: Ending | None = None
        self.lost = 0
        self.scalars = Scalars(folder)
        self._file = FactFile(folder)
        self._facts = FactReader()
        self._failed: dict[str, str] = {}
        self._bins: dict[str, HotSegment] = {}
        self._is_fed = False
        self.refresh()

    @property
    def name(self) -> str:
        """Of the folder: ``r00000``, ``p1234``."""
        return self.folder.name

    @property
    def run(self) -> Run:
        """The evidence, as the checks read it; its ``context`` is left to be derived."""
        if not self._is_fed:
            self._is_fed = True
            self._facts.run.columns = {series.name: Column() for series in self.series.values()}
            self._feed(self.scalars.everything())
        return self._facts.run

    @property
    def status(self) -> Status:
        """Whether it ended, was cut short, or goes on."""
        if self.ending is not None:
            return Status.COMPLETE
        return Status.RECORDING if self._is_alive() else Status.CUT_SHORT

    @property
    def problems(self) -> tuple[str, ...]:
        """What could not be read, one sentence each."""
        return tuple(f"{self.name}/{sentence}" for sentence in self._problems())

    def refresh(self) -> None:
        """Read what was not there the last time."""
        self._failed.pop(FACTS, None)
        if not self.manifest.commit:  # git may have answered since
            self._read_manifest()
        try:
            for line in self._file.refresh():
                self._take(line)
        except OSError as error:
            self._failed[FACTS] = why(error)
        fresh = self.scalars.refresh()
        if fresh is None:
            self._is_fed = False
        elif self._is_fed:
            self._feed(fresh)

    def records(self, name: str) -> Columns:
        """Steps and values of one series, oldest first; empty if there is none of that name."""
        return self.scalars.series(self._sid(name))

    def overview(self, name: str, buckets: int = 1_000) -> Overview:
        """The course of one series in at most so many stretches of steps."""
        return overview(self.scalars, self._sid(name), buckets)

    def overviews(self, buckets: int) -> dict[str, Overview]:
        """The course of every series, by name, in at most so many stretches of steps."""
        found = overviews(self.scalars, buckets)
        return {series.name: found[sid] for sid, series in self.series.items() if sid in found}

    def _sid(self, name: str) -> int:
        return next((n for n, series in self.series.items() if series.name == name), NOBODY)

    def histogram(self, name: str) -> Columns:
        """Steps, bins, zeros, negatives, NaN and infinite numbers of one tensor; bins: (rows, 64)."""
        sid = next((n for n, series in self.histograms.items() if series.name == name), -1)
        stems = sorted(m[1] for m in map(HISTOGRAM_SEGMENT.fullmatch, names(self.folder)) if m)
        sids, *columns = joined([self._histogram_rows(stem) for stem in stems], HISTOGRAMS)
        return tuple(column[sids == sid] for column in columns)

    def document(self, name: str) -> str | None:
        """The text of a whole file, for example ``report.json``; None if there is none.

        Args:
            name: of a file in the process's folder itself.
        """
        if not DOCUMENT.fullmatch(name):
            return None
        try:
            return read_inside(self.folder, name).decode("utf-8", "replace")
        except OSError:
            return None

    def last_written(self) -> float:
        """When its newest file was changed, seconds since 1970; 0 if that is unknown."""
        try:
            with os.scandir(self.folder) as found:
                return max(map(changed, found), default=0.0)
        except OSError:
            return 0.0

    def _take(self, line: Line) -> None:
        try:
            self._take_sound(line)
        except (Damaged, LookupError):
            self._facts.damaged += 1

    def _take_sound(self, line: Line) -> None:
        match line.get("t"):
            case "series":
                series = self.series[sid_of(line)] = decode(Series, line["value"])
                if self._is_fed:
                    self._facts.run.columns.setdefault(series.name, Column())
            case "histogram":
                self.histograms[sid_of(line)] = decode(Series, line["value"])
            case "note":
                self.notes.append(Note(text(line["kind"]), number(line["seconds"]), line["value"]))
            case "lost":
                self.lost = whole(line["values"])
            case "end":
                self.ending = decode(Ending, line["value"])
            case _:
                self._facts.read(line)

    def _feed(self, parts: Iterable[Columns]) -> None:
        """Give records to the columns that the checks read."""
        columns = self._facts.run.columns
        for part in parts:
            for sid, (steps, values) in by_series(part).items():
                name = self.series[sid].name if sid in self.series else f"series {sid}"
                column = columns.setdefault(name, Column())
                column.extend(array("q", steps.tobytes()), array("d", values.tobytes()))

    def _histogram_rows(self, stem: str) -> Columns:
        segment = self._bins.setdefault(stem, HotSegment(self.folder, stem, HISTOGRAMS))
        try:
            segment.refresh()
            return segment.columns()
        except OSError as error:
            self._failed[segment.file] = why(error)
            return joined([], HISTOGRAMS)

    def _read_manifest(self) -> None:
        self._failed.pop(MANIFEST, None)
        try:
            self.manifest = from_json(read_inside(self.folder, MANIFEST).decode("utf-8", "replace"))
        except OSError as error:
            self._failed[MANIFEST] = why(error)
        except (ValueError, RecursionError):
            self._failed[MANIFEST] = "it is damaged"

    def _problems(self) -> Iterator[str]:
        failed = {**self._failed, **self.scalars.failed}
        for file, reason in failed.items():
            yield f"{file} was left out: {reason}"
        if lines := self._file.damaged + self._facts.damaged:
            yield f"{FACTS}: {counted(lines, 'damaged line')} left out"
        segments = [*self.scalars.hot.values(), *self._bins.values()]
        for segment in segments:
            if segment.damaged:
                damaged = counted(segment.damaged, "damaged batch", "damaged batches")
                yield f"{segment.file}: {damaged} left out"
        if self.status is not Status.RECORDING:
            yield from self._torn(segment for segment in segments if segment.file not in failed)
        if self.lost:
            yield f"{counted(self.lost, 'record')} dropped while recording: the disk did not keep up"

    def _torn(self, segments: Iterable[HotSegment]) -> Iterator[str]:
        """What was being written when the process was killed."""
        if self._file.torn:
            yield f"{FACTS}: {counted(self._file.torn, 'byte')} of an unfinished line left out"
        for segment in segments:
            if tail := segment.tail():
                yield f"{segment.file}: {counted(tail, 'byte')} of an unfinished batch left out"

    def _is_alive(self) -> bool:
        """Whether the process that records still runs."""
        known = self.manifest
        if known.host != host():
            return time.time() - self.last_written() < RECENT
        if known.birth:
            return birth(known.pid) == known.birth
        return 0 < known.pid < 1 << 31 and exists(known.pid)


def sid_of(line: Line) -> int:
    """The number of a series in a line.

    Raises:
        Damaged: it is none.
    """
    sid = whole(line["sid"])
    if not 0 <= sid < NOBODY:
        raise Damaged("expected the number of a series")
    return sid


def changed(entry: os.DirEntry[str]) -> float:
    """When a file was changed; 0 if it is gone, as a file is that was only beside another for a moment."""
    try:
        return entry.stat(follow_symlinks=False).st_mtime
    except OSError:
        return 0.0


def exists(pid: int) -> bool:
    """Whether a process of this number runs on this machine."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
