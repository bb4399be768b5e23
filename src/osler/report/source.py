"""The user's source lines: read once, and chosen for an excerpt."""

from __future__ import annotations

import linecache
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from osler.model import Finding, Place

CONTEXT = 2
"""Lines shown before and after the guilty one."""

MOST_RELATED = 4
"""Related places shown in full; a reader does not follow more."""


@dataclass(slots=True)
class Sources:
    """The text of files as it was when first asked for: scripts are edited while they train."""

    _files: dict[str, list[str]] = field(default_factory=dict[str, list[str]])

    def lines(self, file: str) -> list[str]:
        """All lines of a file or notebook cell without their ends; empty if it cannot be read."""
        if file not in self._files:
            self._files[file] = _read(file)
        return self._files[file]

    def line(self, place: Place) -> str:
        """The line of a place, stripped; empty if unknown."""
        if place.cell is not None and place.file.endswith(".ipynb"):
            return ""  # the lines of the file are JSON
        lines = self.lines(place.file) if place.file else []
        return lines[place.line - 1].strip() if 0 < place.line <= len(lines) else ""


def _read(file: str) -> list[str]:
    try:
        with tokenize.open(Path(file)) as source:
            return source.read().split("\n")  # as Python counts them: a form feed ends no line
    except (OSError, SyntaxError, UnicodeDecodeError, ValueError):
        cell = linecache.getlines(file) if file in linecache.cache else []
        return [line.rstrip("\r\n") for line in cell]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an excerpt.

    Attributes:
        number: 1-based.
        text: the source without its end.
        guilty: this is where to look first.
        label: what happens at a related line.
    """

    number: int
    text: str
    guilty: bool = False
    label: str = ""


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Lines of one file in order; numbers may have gaps."""

    file: str
    lines: tuple[Line, ...]


def excerpts(finding: Finding, sources: Sources) -> Iterator[Excerpt]:
    """What to show of the source for one finding: its own file first, then the files of related places."""
    if finding.place.cell is not None and finding.place.file.endswith(".ipynb"):
        return  # the lines of the file are JSON
    labels: dict[str, dict[int, str]] = {}
    for other in finding.related[:MOST_RELATED]:
        labels.setdefault(other.place.file, {}).setdefault(other.place.line, other.label)
    place = finding.place
    for file in dict.fromkeys((place.file, *labels)):
        guilty = place.line if file == place.file else 0
        lines = tuple(_chosen(sources.lines(file) if file else [], guilty, labels.get(file, {})))
        if lines:
            yield Excerpt(file, lines)


def _chosen(lines: list[str], guilty: int, labels: dict[int, str]) -> Iterator[Line]:
    numbers = _around(guilty, lines) | {n for n in labels if 0 < n <= len(lines)}
    for n in sorted(numbers):
        yield Line(n, lines[n - 1], n == guilty, labels.get(n, ""))


def _around(guilty: int, lines: list[str]) -> set[int]:
    """The guilty line with its context, which neither begins nor ends with an empty line."""
    if not 0 < guilty <= len(lines):
        return set()
    first = max(guilty - CONTEXT, 1)
    last = min(guilty + CONTEXT, len(lines))
    while first < guilty and not lines[first - 1].strip():
        first += 1
    while last > guilty and not lines[last - 1].strip():
        last -= 1
    return set(range(first, last + 1))
