"""How numbers, places and the user's own names are written in every report."""

from __future__ import annotations

from pathlib import Path

from osler.model import Answer, Finding, Place

LONGEST = 1e9
"""From here on a whole number is easier to read with an exponent."""


def printable(text: str) -> str:
    """The text on one line, with everything that could steer a terminal or reverse its direction escaped."""
    text = text.expandtabs(4)
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else _escaped(c) for c in text)


def _escaped(character: str) -> str:
    if character in "\r\n":
        return " "
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")


def number(value: float) -> str:
    """Four significant digits; whole numbers in full."""
    if abs(value) < LONGEST and value == int(value):
        return str(int(value))
    return f"{value:.4g}"


def percent(share: float) -> str:
    """A share as percent, with two significant digits: ``0.6 %``, ``12 %``."""
    value = 100 * share
    return "0 %" if value < 0.005 else f"{value:.2g} %" if value < 99.5 else f"{value:.0f} %"


def relative(file: str, root: Path) -> str:
    """The file as the user would write it: from the folder where Osler was started, if it lies below."""
    path = Path(file)
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else file


def where(place: Place, root: Path) -> str:
    """The place in a few characters: ``train.py:41``, a cell, a subject or a step."""
    if place.cell is not None:
        return printable(f"cell {place.cell}, line {place.line}")
    if place.file:
        file = printable(relative(place.file, root))
        return f"{file}:{place.line}" if place.line else file
    if place.subject:
        return printable(place.subject)
    return f"step {place.step}" if place.step is not None else "training"


def in_one_line(finding: Finding, root: Path) -> str:
    """Place, severity, name and what was seen."""
    place, message = where(finding.place, root), printable(finding.message)
    return f"{place}  {finding.severity.label}  {printable(finding.check)}: {message}"


def answered(answer: Answer) -> str:
    """The question of an experiment and its answer, or why it was not asked."""
    if answer.skipped:
        return f"{answer.question} not asked: {printable(answer.skipped)}"
    return f"{answer.question} {printable(answer.answer)} ({answer.seconds:.1f} s)"
