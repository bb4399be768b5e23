"""Hold back what the script prints, and what it writes to files that are open already."""

from __future__ import annotations

import gc
import io
import os
import stat
import sys
import tempfile
from pathlib import Path

STDOUT, STDERR = 1, 2
OPEN = Path("/proc/self/fd")
"""Descriptors of this process, where the system tells them."""


class Held:
    """Descriptors whose output goes to a scratch file meanwhile.

    Args:
        descriptors: to be held.
    """

    def __init__(self, *descriptors: int) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - held until it is released
        self._saved: dict[int, int] = {}
        flush()
        for descriptor in descriptors:
            self._saved[descriptor] = os.dup(descriptor)
            os.dup2(self._file.fileno(), descriptor)

    def text(self, most: int = 4000) -> str:
        """The end of what was held; empty if all of it was let go."""
        if self._file.closed:
            return ""
        flush()
        end = os.lseek(self._file.fileno(), 0, os.SEEK_END)
        start = max(0, end - most)
        return os.pread(self._file.fileno(), end - start, start).decode("utf-8", "replace")

    def release(self, *descriptors: int) -> None:
        """Let the script write again, to these or to all; what was held is dropped."""
        flush()
        for descriptor in descriptors or tuple(self._saved):
            saved = self._saved.pop(descriptor)
            os.dup2(saved, descriptor)
            os.close(saved)
        if not self._saved:
            self._file.close()


def flush() -> None:
    """Write out what Python still keeps in memory, so that it does not go where it does not belong."""
    for stream in (sys.stdout, sys.stderr, *open_for_writing()):
        if stream is not None and not stream.closed:
            stream.flush()


def open_for_writing() -> list[io.IOBase]:
    """Files of Python's that are open for writing and keep something back."""
    kinds = (io.TextIOWrapper, io.BufferedWriter, io.BufferedRandom)
    files = [f for f in gc.get_objects() if type(f) in kinds]
    return [f for f in files if not f.closed and f.writable()]


def written_files() -> tuple[int, ...]:
    """Descriptors of regular files that are open for writing."""
    if not OPEN.is_dir():
        return ()
    found: list[int] = []
    for entry in OPEN.iterdir():
        number = int(entry.name)
        try:
            info = os.fstat(number)
            flags = int((Path("/proc/self/fdinfo") / entry.name).read_text().split("flags:")[1].split()[0], 8)
        except (OSError, IndexError, ValueError):
            continue
        if stat.S_ISREG(info.st_mode) and flags & os.O_ACCMODE:
            found.append(number)
    return tuple(found)
