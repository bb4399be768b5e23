"""What reading source files gave, in words: the headlines, the hints, the sum."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import RenderableType
from rich.text import Text

from osler.model import Diagnosis, Finding, Severity, counted
from osler.report.summary import total
from osler.report.terminal import Page, drawn, headlines
from osler.report.wording import in_one_line, printable, relative

LINE = re.compile(r"[^\n]*\n|[^\n]+")
"""As Python counts them: a form feed ends no line."""

Unread = tuple[str, int, str]
"""A file that could not be read: its path, the line, the problem."""


@dataclass(frozen=True, slots=True)
class Extent:
    """What was read beside the findings.

    Attributes:
        unread: files that could not be read.
        unused: comments that acknowledge what is not there: the file, the line, the check.
        outdated: findings of the baseline that are no longer there.
        given_up: what was not followed, by reason; None if no statistics are wanted.
    """

    unread: tuple[Unread, ...] = ()
    unused: tuple[Unread, ...] = ()
    outdated: int = 0
    given_up: Mapping[str, int] | None = None


def render(diagnosis: Diagnosis, page: Page, extent: Extent) -> str:
    """The whole report, ending in a newline."""
    told = drawn(_parts(diagnosis, page, extent), page)
    return told if extent.given_up is None else told + statistics(diagnosis, extent.given_up)


def with_extent(diagnosis: Diagnosis, extent: Extent, root: Path) -> Diagnosis:
    """The same for formats that know findings only: what could not be read was not seen."""
    blind = tuple(not_read(u, root) for u in extent.unread)
    return replace(diagnosis, coverage=replace(diagnosis.coverage, blind=blind))


def not_read(unread: Unread, root: Path) -> str:
    """A file, the line if it is known, and the problem."""
    file, line, problem = unread
    return f"{printable(relative(file, root))}{f':{line}' if line else ''}: {printable(problem)}"


def _parts(diagnosis: Diagnosis, page: Page, extent: Extent) -> Iterator[RenderableType]:
    shown = sorted((g for g in diagnosis.groups if not g.cause.suppressed), key=lambda g: _order(g.cause))
    for block in headlines(shown, page):
        yield block
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
    if extent.outdated:
        count = counted(extent.outdated, "finding")
        yield Text(f"osler: {count} of the baseline no longer found: write it again with --add-baseline")
    yield Text(f"osler: {total(diagnosis)}", "bold")


def _order(finding: Finding) -> tuple[str, int]:
    return (finding.place.file, finding.place.line)


def difference(file: str, before: str, after: str, root: Path) -> str:
    """An edited file as a diff that `patch -p1` understands."""
    name = printable(relative(file, root))
    lines = difflib.unified_diff(LINE.findall(before), LINE.findall(after), f"a/{name}", f"b/{name}")
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
    )


def outcome(fixed: Counter[str], unsafe: Counter[str], *, is_done: bool) -> str:
    """How many findings edits take away, and how many more there are edits for."""
    count = fixed.total()
    told = (
        f"{counted(count, 'finding')} {'mended' if is_done else 'would be mended'}"
        if count
        else "nothing to mend"
    )
    more = f", {unsafe.total()} more with --unsafe-fixes, which change the training" if unsafe.total() else ""
    return f"{told}{more}"


def statistics(diagnosis: Diagnosis, given_up: Mapping[str, int]) -> str:
    """How often each check speaks, most often first, and what was not followed."""
    counts = Counter(f.check for f in diagnosis.findings)
    rows = [f"{count:6}  {name}" for name, count in sorted(counts.items(), key=lambda i: (-i[1], i[0]))]
    rows += [f"{count:6}  not followed: {reason}" for reason, count in sorted(given_up.items())]
    return "".join(f"{row}\n" for row in rows)
