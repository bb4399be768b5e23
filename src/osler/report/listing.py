"""What reading source files gave, in words: the headlines, the hints, the sum."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from rich.console import RenderableType
from rich.text import Text

from osler.model import Diagnosis, Finding, Severity, counted
from osler.report.terminal import Page, drawn, headline
from osler.report.wording import in_one_line, printable, relative

Unread = tuple[str, int, str]
"""A file that could not be read: its path, the line, the problem."""


@dataclass(frozen=True, slots=True)
class Extent:
    """What was read beside the findings.

    Attributes:
        files: how many files were looked at.
        unread: files that could not be read.
        unused: comments that acknowledge what is not there: the file, the line, the check.
    """

    files: int = 0
    unread: tuple[Unread, ...] = ()
    unused: tuple[Unread, ...] = ()


def render(diagnosis: Diagnosis, page: Page, extent: Extent) -> str:
    """The whole report, ending in a newline."""
    return drawn(_parts(diagnosis, page, extent), page)


def _parts(diagnosis: Diagnosis, page: Page, extent: Extent) -> Iterator[RenderableType]:
    shown = sorted((g for g in diagnosis.groups if not g.cause.suppressed), key=lambda g: _order(g.cause))
    for group in shown:
        if group.cause.severity > Severity.HINT:
            yield headline(group, page)
            yield ""
    for group in shown:
        if group.cause.severity is Severity.HINT:
            yield Text(in_one_line(group.cause, page.root))
    for file, line, name in extent.unused:
        place = printable(relative(file, page.root))
        yield Text(f"{place}:{line}  unused: nothing here is {printable(name)}, remove the comment")
    for file, line, problem in extent.unread:
        place = printable(relative(file, page.root)) + (f":{line}" if line else "")
        yield Text(f"{place}  not read: {printable(problem)}")
    yield Text(f"osler: {total(diagnosis, extent.files)}", "bold")


def _order(finding: Finding) -> tuple[str, int]:
    return (finding.place.file, finding.place.line)


def total(diagnosis: Diagnosis, files: int) -> str:
    """How many problems of each severity, in how many files."""
    counts = Counter(g.cause.severity for g in diagnosis.groups if not g.cause.suppressed)
    found = ", ".join(counted(counts[s], s.label) for s in sorted(counts, reverse=True)) or "no problem found"
    return f"{found} in {counted(files, 'file')}, {counted(len(diagnosis.checked), 'check')}"


def statistics(diagnosis: Diagnosis, given_up: Mapping[str, int]) -> str:
    """How often each check speaks, most often first, and what was not followed."""
    counts = Counter(f.check for f in diagnosis.findings)
    rows = [f"{count:6}  {name}" for name, count in sorted(counts.items(), key=lambda i: (-i[1], i[0]))]
    rows += [f"{count:6}  not followed: {reason}" for reason, count in sorted(given_up.items())]
    return "".join(f"{row}\n" for row in rows)
