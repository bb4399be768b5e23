"""The diagnosis in words, for a person at a terminal or reading a log."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from osler.model import Confidence, Diagnosis, Evidence, Finding, Severity, counted
from osler.model import Group as Cause
from osler.report.source import MOST_RELATED, Excerpt, Line, Sources, excerpts
from osler.report.summary import opening, summary
from osler.report.wording import in_one_line, number, printable, relative, where

COLORS = {Severity.ERROR: "bold red", Severity.WARNING: "bold yellow", Severity.HINT: "cyan"}
INDENT = 2
CUT = " ..."


@dataclass(frozen=True, slots=True)
class Page:
    """What a report is written on.

    Attributes:
        root: folder where Osler was started; paths below it are shown from there.
        sources: the user's source lines.
        width: columns.
        has_color: colour may be used.
    """

    root: Path
    sources: Sources
    width: int = 100
    has_color: bool = False


def render(diagnosis: Diagnosis, page: Page) -> str:
    """The whole report, ending in a newline."""
    return drawn(parts(diagnosis, page), page)


def drawn(blocks: Iterable[RenderableType], page: Page) -> str:
    """Blocks as text, one below the other."""
    console = Console(
        file=StringIO(),
        width=page.width,
        force_terminal=page.has_color,
        color_system="standard" if page.has_color else None,
        force_jupyter=False,
        legacy_windows=False,
        highlight=False,
        markup=False,
        emoji=False,
    )
    with console.capture() as written:
        for part in blocks:
            console.print(part, crop=False)
    return "\n".join(line.rstrip() for line in written.get().split("\n"))


def parts(diagnosis: Diagnosis, page: Page) -> Iterator[RenderableType]:
    """From top to bottom: how the script ended, the headlines, the hints, what was looked at."""
    shown = [g for g in diagnosis.groups if not g.cause.suppressed]
    for sentence in opening(diagnosis):
        yield unwrapped(Text(f"osler: {sentence}", "bold"))
    for block in headlines(shown, page):
        yield ""
        yield block
    if diagnosis.headlines:
        yield ""
    for group in shown:
        if group.cause.severity is Severity.HINT:
            yield Text(in_one_line(group.cause, page.root))
    for sentence in summary(diagnosis):
        yield Text(f"osler: {sentence}")


def unwrapped(text: Text) -> RenderableType:
    """One line, however long: the verdict is searched for in logs."""
    text.no_wrap, text.overflow = True, "ignore"
    return Group(text)  # alone, the console would merge it into a text that wraps


def headlines(groups: Iterable[Cause], page: Page) -> Iterator[RenderableType]:
    """A block for each group that is more than a hint; what is to be learned from it is told once."""
    taught: set[tuple[str, ...]] = set()
    for group in groups:
        if group.cause.severity > Severity.HINT:
            yield headline(group, page, again=lesson(group.cause) in taught)
            taught.add(lesson(group.cause))


def lesson(finding: Finding) -> tuple[str, ...]:
    """What a reader needs to be told once, however often the same mistake was made."""
    return finding.check, finding.expected, finding.why, finding.fix


def headline(group: Cause, page: Page, *, again: bool = False) -> RenderableType:
    """One cause: where, the source, what was seen and what to do, and the symptoms it explains.

    Args:
        group: the cause and its symptoms.
        page: what is written on.
        again: an earlier headline has told what is wrong with it and what to do.
    """
    finding = group.cause
    blocks: list[RenderableType] = [title(finding, page)]
    for shown in excerpts(finding, page.sources):
        blocks += ["", excerpt(shown, page, named=shown.file != finding.place.file)]
    rows: list[tuple[str, RenderableType]] = [*told(advice(finding, page), again=again)]
    if finding.evidence:
        rows.append(("numbers", numbers(finding.evidence)))
    if group.symptoms:
        rows.append(("symptoms", symptoms(group.symptoms, page)))
    if not again:
        rows.append(("more", f"osler explain {printable(finding.check)}"))
    return Group(*blocks, "", labelled(rows))


def title(finding: Finding, page: Page) -> Text:
    """Place, severity and name; how sure, unless it is certain."""
    return Text.assemble(
        (where(finding.place, page.root), "bold"),
        "  ",
        (finding.severity.label, COLORS[finding.severity]),
        f"  {printable(finding.check)}",
        "" if finding.confidence is Confidence.CERTAIN else f"  ({finding.confidence.value})",
    )


def advice(finding: Finding, page: Page) -> Iterator[tuple[str, str]]:
    """What a reader wants to know, in this order."""
    yield "seen", printable(finding.message)
    yield "where", printable(occasion(finding))
    yield "see also", "; ".join(unseen(finding, page))
    yield "expected", printable(finding.expected)
    yield "why", printable(finding.why)
    yield "fix", printable(finding.fix)


def told(rows: Iterable[tuple[str, str]], *, again: bool) -> Iterator[tuple[str, str]]:
    """The rows that say something; of what was said above only that it was."""
    for label, text in rows:
        if again and label == "fix":
            yield label, "as above"
        elif text and not (again and label in ("expected", "why")):
            yield label, text


def occasion(finding: Finding) -> str:
    """Subject, step and rank, as far as the title and the message do not already tell them."""
    place = finding.place
    words: list[str] = []
    if place.subject and place.file and place.subject not in finding.message:
        words.append(f"in {place.subject}")
    if place.step is not None and (place.file or place.subject) and "step" not in finding.message:
        words.append(f"after {counted(place.step, 'step')}" if place.step else "before the first step")
    if place.rank:
        words.append(f"rank {place.rank}")
    return ", ".join(words)


def unseen(finding: Finding, page: Page) -> Iterator[str]:
    """Related places that no excerpt shows: their source cannot be read, or there are too many."""
    for index, other in enumerate(finding.related):
        if index >= MOST_RELATED or not page.sources.line(other.place):
            yield f"{where(other.place, page.root)} {printable(other.label)}"


def excerpt(shown: Excerpt, page: Page, *, named: bool) -> RenderableType:
    """Source lines with their numbers, the guilty one underlined."""
    margin = len(str(shown.lines[-1].number))
    lines = list(_rows(shown.lines, margin, page.width - margin - 2 * INDENT - 3))
    head = [Text(f"{printable(relative(shown.file, page.root))}:")] if named else []
    return Padding(Group(*head, *lines), (0, 0, 0, INDENT))


def _rows(lines: Iterable[Line], margin: int, room: int) -> Iterator[Text]:
    before = None
    for line in lines:
        if before is not None and line.number > before + 1:
            yield Text(f"{'':{margin}} ...", "dim")
        before = line.number
        code = cropped(printable(line.text.rstrip()), room)
        gutter = f"{'>' if line.guilty else ' '} {line.number:{margin}} | "
        yield Text.assemble((gutter, "dim"), (code, "bold" if line.guilty else ""))
        if line.guilty or line.label:
            yield from _marked(code, line, margin, room)


def _marked(code: str, line: Line, margin: int, room: int) -> Iterator[Text]:
    """Below a line: its code underlined, with what happens there, if need be on a row of its own."""
    statement = code.split("  #")[0].rstrip()
    indent = len(statement) - len(statement.lstrip())
    width = max(cell_len(statement) - indent, 1)
    label = printable(line.label)
    gutter = (f"  {'':{margin}} | {'':{indent}}", "dim")
    mark = ("^" * width, "red") if line.guilty else ("-" * width, "blue")
    if not label or indent + width + 1 + cell_len(label) <= room:
        yield Text.assemble(gutter, mark, f" {label}" if label else "")
        return
    yield Text.assemble(gutter, mark)
    yield Text.assemble(gutter, label)


def cropped(text: str, room: int) -> str:
    """The text, shortened if it is wider than the room it has."""
    if cell_len(text) <= room:
        return text
    while text and cell_len(text) > room - len(CUT):
        text = text[:-1]
    return text + CUT


def labelled(rows: Iterable[tuple[str, RenderableType]]) -> RenderableType:
    """Rows of label and text; long texts wrap beside their label."""
    table = Table.grid(padding=(0, 2), expand=False)
    table.add_column(width=len("expected"), style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for label, text in rows:
        table.add_row(label, text)
    return Padding(table, (0, 0, 0, INDENT))


def numbers(evidence: Iterable[Evidence]) -> RenderableType:
    """The numbers, aligned."""
    table = Table.grid(padding=(0, 2))
    table.add_column(overflow="fold")
    table.add_column(justify="right", no_wrap=True)
    table.add_column(overflow="fold")
    for item in evidence:
        expected = f"expected {printable(item.expected)}" if item.expected else ""
        step = "" if item.step is None else f"step {item.step}"
        rest = ", ".join(part for part in (printable(item.unit), expected, step) if part)
        table.add_row(printable(item.measure), number(item.value), rest)
    return table


def symptoms(findings: Iterable[Finding], page: Page) -> RenderableType:
    """What the cause explains, one line each."""
    lines = [Text("explained by this; fix the cause first:")]
    return Group(*lines, *(Text(in_one_line(f, page.root)) for f in findings))
