"""The files of one process that records; used by its recorder's thread alone."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from osler.model import Histogram
from osler.store.codec import encode
from osler.store.disk import AppendFile, Checkpoint
from osler.store.git import GitQuery
from osler.store.layout import FACTS, MANIFEST, PRIMARY, write_whole
from osler.store.lines import Line, to_line
from osler.store.manifest import Manifest, to_json
from osler.store.outbox import Chunk
from osler.store.records import Series
from osler.store.segment import Segments

BATCH = 1 << 16
"""Records per batch at most: 1.3 MB."""


class Writer:
    """Creates the files and appends to them.

    Args:
        folder: of the process, without a recording so far.
        manifest: of the process.
        git: a question about the user's script; None if nothing was asked.
        rows: records per segment.
        checkpoint: see `disk` and `segment`.

    Raises:
        OSError: a file cannot be written. So do all methods.
    """

    def __init__(
        self, folder: Path, manifest: Manifest, git: GitQuery | None, *, rows: int, checkpoint: Checkpoint
    ) -> None:
        from osler.store import arrow

        self._folder = folder
        self._manifest = manifest
        self._known: dict[str, dict[str, int]] = {}
        self._facts = AppendFile(folder / FACTS, checkpoint)
        self._scalars = Segments(folder, "scalars", arrow.scalars, rows=rows, checkpoint=checkpoint)
        self._histograms = Segments(folder, "hist", arrow.histograms, rows=rows, checkpoint=checkpoint)
        self._git = git
        if not self._take_answer():
            self._write_manifest()

    def introduce(self, kind: str, about: Series) -> Line:
        """Number a ``series`` or a ``histogram``; the line that says so goes before its first values."""
        known = self._known.setdefault(kind, {})
        sid = known[about.name] = len(known)
        return {"t": kind, "sid": sid, "value": encode(about)}

    def knows(self, kind: str, name: str) -> bool:
        """Whether it has a number."""
        return name in self._known.get(kind, {})

    def introduced(self, kind: str) -> int:
        """How many of a kind have a number."""
        return len(self._known.get(kind, ()))

    def sid(self, kind: str, name: str) -> int:
        """The number of what was introduced; each kind counts from 0."""
        return self._known[kind][name]

    def lines(self, lines: Iterable[Line]) -> None:
        """Append facts."""
        text = "".join(to_line(line) for line in lines)
        if text:
            self._facts.append(text.encode("ascii"))

    def scalars(self, chunks: Iterable[Chunk]) -> None:
        """Append values of many series."""
        sids, steps, values = array("I"), array("q"), array("d")
        for some_sids, some_steps, some_values in chunks:
            sids.extend(some_sids * len(some_steps))
            steps.extend(some_steps if len(some_sids) == 1 else repeated(some_steps, len(some_sids)))
            values.extend(some_values)
            if len(values) >= BATCH:
                self._scalars.append(len(values), (sids, steps, values))
                sids, steps, values = array("I"), array("q"), array("d")
        if values:
            self._scalars.append(len(values), (sids, steps, values))

    def histograms(self, rows: list[tuple[int, int, Histogram]]) -> None:
        """Append histograms with the number of their series and their step."""
        if not rows:
            return
        bins = array("I")
        for _, _, counts in rows:
            bins.extend(counts.bins)
        sids, steps = array("I", (sid for sid, _, _ in rows)), array("q", (step for _, step, _ in rows))
        others = [(h.zeros, h.negatives, h.nans, h.infinities) for _, _, h in rows]
        self._histograms.append(
            len(rows), (sids, steps, bins, *(array("I", c) for c in zip(*others, strict=True)))
        )

    def document(self, name: str, content: str) -> None:
        """Write a whole file."""
        write_whole(self._folder / name, content)

    def look_after(self) -> None:
        """Take git's answer when it is there; notice when the files are gone."""
        self._facts.check()
        self._take_answer()

    def sync(self) -> None:
        """Wait until the disk has everything."""
        self._facts.sync()
        self._scalars.sync()
        self._histograms.sync()

    def close(self) -> None:
        """Take git's answer and give the handles back."""
        if self._git is not None:
            self._git.hurry()
            self.look_after()
        self._facts.close()
        self._scalars.close()
        self._histograms.close()

    def _take_answer(self) -> bool:
        if self._git is None or not self._git.is_over:
            return False
        commit, dirty = self._git.answer()
        self._git = None
        self._manifest = replace(self._manifest, commit=commit, dirty=dirty)
        self._write_manifest()
        return True

    def _write_manifest(self) -> None:
        content = to_json(self._manifest)
        write_whole(self._folder / MANIFEST, content)
        if self._folder.name == PRIMARY:
            write_whole(self._folder.parent / MANIFEST, content)


def repeated(steps: array[int], times: int) -> array[int]:
    """Every step so many times in a row."""
    every = array("q")
    for step in steps:
        every.extend(array("q", (step,)) * times)
    return every
