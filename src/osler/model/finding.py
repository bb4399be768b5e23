"""A finding is one problem at one place, with its numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum


class Severity(IntEnum):
    """How bad the problem is if it is real."""

    HINT = 1
    WARNING = 2
    ERROR = 3

    @property
    def label(self) -> str:
        """The word used in text and JSON."""
        return self.name.lower()


class Confidence(StrEnum):
    """How sure the finding is: a broken invariant is certain."""

    CERTAIN = "certain"
    LIKELY = "likely"
    POSSIBLE = "possible"


@dataclass(frozen=True, slots=True)
class Span:
    """Where in its line something begins, and where it ends.

    Attributes:
        column: 1-based, in characters.
        end_line: 1-based.
        end_column: 1-based, behind the last character.
    """

    column: int
    end_line: int
    end_column: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where: a line of the user's file, a step of the run, or both.

    Attributes:
        file: absolute path, empty when no user line is known.
        line: 1-based line, 0 when unknown.
        function: name of the function the line is in.
        step: optimizer steps finished when it was seen.
        subject: dotted module or parameter name, or the name of an optimizer.
        rank: global process number.
        cell: notebook cell, if the code came from one.
        span: the part of the line, where the source was read; running a program tells lines only. Two places
            in one line are the same place.
    """

    file: str = ""
    line: int = 0
    function: str = ""
    step: int | None = None
    subject: str = ""
    rank: int = 0
    cell: str | None = None
    span: Span | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Related:
    """A second place that takes part in the problem, with what happens there."""

    place: Place
    label: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """One number behind a finding.

    Attributes:
        measure: what was measured, in words a reader knows.
        value: the number seen.
        expected: what it would be in a healthy program.
        unit: unit of ``value``; empty for a pure number.
        step: optimizer step at which it was seen.
    """

    measure: str
    value: float
    expected: str
    unit: str = ""
    step: int | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """What one detector saw.

    Attributes:
        check: name of the check.
        place: where to look first.
        message: what was seen, with numbers.
        expected: what a healthy program does here.
        why: what the problem does to training.
        fix: what to do, one imperative sentence.
        severity: how bad this instance is.
        confidence: how sure the detector is.
        related: other places that take part.
        evidence: the numbers.
        seen_by: which kinds of evidence show it: code, setup, run.
        suppressed: acknowledged by the user as intended.
    """

    check: str
    place: Place
    message: str
    expected: str
    why: str
    fix: str
    severity: Severity
    confidence: Confidence = Confidence.CERTAIN
    related: tuple[Related, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    seen_by: tuple[str, ...] = ("run",)
    suppressed: bool = False
