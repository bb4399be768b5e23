"""An edit replaces a stretch of a file and leaves every other character as it is."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Edit:
    """A replacement.

    Attributes:
        file: path.
        start: position of the first character that goes, 0-based.
        end: position behind the last one; equal to ``start`` if something is only added.
        text: what comes instead.
    """

    file: str
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Page:
    """A file that may be edited.

    Attributes:
        file: path.
        text: with ``\\n`` at the end of every line, whatever the file has.
        tree: of the text.
        starts: position of the first character of each line.
    """

    file: str
    text: str
    tree: ast.Module
    starts: tuple[int, ...]


Pages = Mapping[str, Page]
"""The files that belong together, by path."""
