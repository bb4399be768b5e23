"""Read ``facts.jsonl`` while it grows: complete, sound lines, each of them once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from osler.store.layout import FACTS, read_inside
from osler.store.lines import Line, from_line

BLOCK = 1 << 22
"""Bytes that are read at once; no line of ours is nearly as long."""


@dataclass(slots=True)
class FactFile:
    """The facts of one folder.

    Attributes:
        folder: of the process.
        damaged: lines that were left out.
        torn: bytes of a line at the end that is not complete, or not yet.
    """

    folder: Path
    damaged: int = 0
    torn: int = 0
    _offset: int = 0

    def refresh(self) -> Iterator[Line]:
        """Lines that were not there the last time.

        Raises:
            OSError: the file cannot be read.
        """
        while block := read_inside(self.folder, FACTS, self._offset, BLOCK):
            end = block.rfind(b"\n") + 1
            if not end and len(block) < BLOCK:
                break
            self._offset += end or len(block)
            for raw in block[: end or len(block)].splitlines():
                line = from_line(raw)
                self.damaged += line is None
                if line is not None:
                    yield line
        self.torn = len(block)
