"""Append-only files: what is written stays, whatever happens to the process."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

from osler.store.layout import MODE

Checkpoint = Callable[[str], None]
"""Called with a name at the places where being killed hurts most; tests kill the process there."""


def unwatched(place: str) -> None:
    """The checkpoint of everybody but tests."""


class AppendFile:
    """A file that only grows.

    Args:
        path: must not exist yet.
        checkpoint: called as ``write`` when half of the bytes are written, as ``sync`` before an fsync.

    Raises:
        OSError: it cannot be made.
    """

    def __init__(self, path: Path, checkpoint: Checkpoint = unwatched) -> None:
        self.size = 0
        self._path = path
        self._checkpoint = checkpoint
        self._handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, MODE)

    def append(self, data: bytes) -> None:
        """Hand bytes to the operating system.

        Raises:
            OSError: not all of them were taken, or the file was deleted.
        """
        if self._checkpoint is not unwatched:
            half = len(data) // 2
            self._write(data[:half])
            self._checkpoint("write")
            data = data[half:]
        self._write(data)

    def _write(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            written = os.write(self._handle, rest)
            self.size += written
            rest = rest[written:]

    def sync(self) -> None:
        """Wait until the disk has it."""
        self._checkpoint("sync")
        os.fsync(self._handle)

    def check(self) -> None:
        """Raises OSError if the file was deleted."""
        if os.fstat(self._handle).st_nlink == 0:
            raise OSError(errno.ENOENT, os.strerror(errno.ENOENT), str(self._path))

    def close(self) -> None:
        """Give the handle back; may be called twice."""
        handle, self._handle = self._handle, -1
        if handle >= 0:
            os.close(handle)
