"""Two runs side by side, in words and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from osler.model import counted
from osler.report import json
from osler.report.comparison import LOSS, Change, Comparison, Curve, Parting
from osler.report.frame import Frame
from osler.report.wording import in_one_line, number, printable

SCHEMA = "osler.comparison/1"


def as_json(comparison: Comparison, frame: Frame) -> str:
    """The comparison as one JSON document."""
    parted = comparison.parting
    content = {
        "schema": SCHEMA,
        "runs": [{"name": n, "steps": s} for n, s in zip(comparison.names, comparison.steps, strict=True)],
        "settings": [{"name": d.name, "values": [d.first, d.second]} for d in comparison.settings],
        "dirty": comparison.is_dirty,
        "parting": {
            "measure": LOSS,
            "compared": parted.compared,
            "step": parted.step,
            "values": [json.number(parted.first), json.number(parted.second)],
        },
        "gained": [_changed(c, frame) for c in comparison.gained],
        "lost": [_changed(c, frame) for c in comparison.lost],
        "curves": [_curved(c) for c in comparison.curves],
    }
    return json.written(content, frame)


def _changed(change: Change, frame: Frame) -> dict[str, object]:
    return {"comparable": change.is_comparable, **json.finding(change.finding, frame)}


def _curved(shown: Curve) -> dict[str, object]:
    return {
        "measure": shown.measure,
        "last": [json.number(v) for v in shown.last],
        "min": [json.number(v) for v in shown.lowest],
        "step": shown.step,
        "at_step": [json.number(v) for v in shown.there],
    }


def in_words(comparison: Comparison, root: Path) -> str:
    """The comparison for a person; ``root`` is the folder that paths are shown from."""
    return "".join(f"{line}\n" for line in lines(comparison, root))


def lines(comparison: Comparison, root: Path) -> Iterator[str]:
    """The verdict, then whatever differs."""
    first, second = (printable(name) for name in comparison.names)
    yield f"osler: {verdict(comparison)}"
    for difference in comparison.settings:
        yield f"  {printable(difference.name)}"
        yield f"    {first}: {printable(difference.first or '-')}"
        yield f"    {second}: {printable(difference.second or '-')}"
    if comparison.is_dirty:
        yield "  dirty: code that is in no commit was run, so the code may differ too"
    for title, changes in ((f"only in {second}", comparison.gained), (f"only in {first}", comparison.lost)):
        for change in changes:
            doubt = "" if change.is_comparable else " (the other run did not evaluate this check)"
            yield f"  {title}: {in_one_line(change.finding, root)}{doubt}"
    yield from table(comparison)


def verdict(comparison: Comparison) -> str:
    """One sentence."""
    first, second = (printable(name) for name in comparison.names)
    parts = [
        counted(len(comparison.settings), "differing setting"),
        losses(comparison.parting),
        f"{counted(len(comparison.gained), 'finding')} gained, {len(comparison.lost)} lost",
    ]
    return f"{first} and {second}: {'; '.join(parts)}"


def losses(parted: Parting) -> str:
    """Where the losses part."""
    if not parted.compared:
        return "no step has a loss in both"
    if parted.step is None:
        return f"the losses are the same, bit for bit, in {counted(parted.compared, 'value')} compared"
    return f"the losses part at step {parted.step} ({parted.first!r} and {parted.second!r})"


def table(comparison: Comparison) -> Iterator[str]:
    """The curves of the whole program that differ in numbers, a row for each run; the others in a line."""
    whole = sorted((c for c in comparison.curves if ":" not in c.measure), key=lambda c: c.measure != LOSS)
    yield from rows([c for c in whole if differs(c)], comparison.names)
    if alike := [printable(c.measure) for c in whole if not differs(c)]:
        yield f"  the same in both: {', '.join(alike)}"
    if parts := [differs(c) for c in comparison.curves if ":" in c.measure]:
        many = counted(len(parts), "more series", "more series")
        yield f"  {many} of single parameters, labels or loaders, {sum(parts)} differ: see --json"


def differs(shown: Curve) -> bool:
    """Whether a curve has another number in the other run; NaN equals itself."""
    return any(repr(a) != repr(b) for a, b in (shown.last, shown.lowest, shown.there))


def rows(curves: Sequence[Curve], names: tuple[str, str]) -> Iterator[str]:
    """Curves beneath each other, cells aligned."""
    cells = [("measure", "run", "last", "min", "at the same step")]
    for shown in curves:
        cells += [row(shown, side, printable(name)) for side, name in enumerate(names)]
    widths = [max(len(r[i]) for r in cells) for i in range(len(cells[0]))]
    for line in cells if curves else ():
        yield "  " + "  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip()


def row(shown: Curve, side: int, name: str) -> tuple[str, str, str, str, str]:
    """One measure in one run; its name stands before the first."""
    newest, smallest, there = (told(pair[side]) for pair in (shown.last, shown.lowest, shown.there))
    at = "" if shown.step is None else f" (step {shown.step})"
    return "" if side else printable(shown.measure), name, newest, smallest, there + at


def told(value: float | None) -> str:
    """A number, or a dash."""
    return "-" if value is None else number(value)
