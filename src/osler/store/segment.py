"""A growing file of Arrow batches with its checksums beside it; a new one begins when it is large."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from osler.store.disk import AppendFile, Checkpoint, unwatched
from osler.store.sums import to_entry

if TYPE_CHECKING:
    from osler.store.arrow import Stream

ROWS = 1 << 20
"""Records per segment: 20 MB of scalars, half a second to seal."""

BATCHES = 4_096
"""Batches per segment: what a run that trickles writes in a quarter of an hour."""


class Segments:
    """Writes batches into numbered segments ``<name>-000000.arrows``.

    Args:
        folder: of the process.
        name: ``scalars`` or ``hist``.
        stream: makes the encoder of one segment.
        rows: records after which a new segment begins.
        checkpoint: called as ``between`` when a batch is written and its checksum is not, as ``rotate`` when
            a segment is full; and as `AppendFile` says.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        stream: Callable[[], Stream],
        *,
        rows: int = ROWS,
        checkpoint: Checkpoint = unwatched,
    ) -> None:
        self._folder = folder
        self._name = name
        self._new_stream = stream
        self._most = rows
        self._checkpoint = checkpoint
        self._number = 0
        self._rows = self._batches = 0
        self._open: tuple[Stream, AppendFile, AppendFile] | None = None

    def append(self, rows: int, columns: Sequence[array[Any]]) -> None:
        """Write one batch; when this returns, a killed process does not lose it.

        Raises:
            OSError: it could not be written.
        """
        stream, data, sums = self._open or self._begin()
        batch = stream.batch(rows, columns)
        start = data.size
        data.append(batch)
        self._checkpoint("between")
        sums.append(to_entry(start, batch, rows))
        self._rows += rows
        self._batches += 1
        if self._rows >= self._most or self._batches >= BATCHES:
            self._rotate()

    def _begin(self) -> tuple[Stream, AppendFile, AppendFile]:
        path = self._folder / f"{self._name}-{self._number:06d}.arrows"
        data = AppendFile(path, self._checkpoint)
        self._open = (self._new_stream(), data, AppendFile(path.with_suffix(".sums"), self._checkpoint))
        return self._open

    def _rotate(self) -> None:
        self.sync()
        self._checkpoint("rotate")
        self.close()
        self._number += 1
        self._rows = self._batches = 0

    def sync(self) -> None:
        """Wait until the disk has everything."""
        if self._open is not None:
            _, data, sums = self._open
            data.sync()
            sums.sync()

    def close(self) -> None:
        """Close the open segment; the next batch begins a new one."""
        if self._open is not None:
            _, data, sums = self._open
            data.close()
            sums.close()
            self._open = None
