"""What tells two runs apart: settings, where the losses part, findings gained and lost, curves."""

from __future__ import annotations

import math
import struct
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import cast

from osler.model import Column, Diagnosis, Finding, Run, Severity

LOSS = "loss"

SETTINGS = ("argv", "script", "world_size", "versions", "environment", "commit", "dirty")
"""Keys of the manifest that can change how a program trains; the others differ between any two runs."""

Series = dict[int, tuple[float, ...]]
"""Values by optimizer step, oldest first; with accumulation a step has several."""


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two runs.

    Attributes:
        name: what the user calls it.
        manifest: what was run, with what, where.
        run: the evidence.
        diagnosis: the verdict.
    """

    name: str
    manifest: Mapping[str, object]
    run: Run
    diagnosis: Diagnosis


@dataclass(frozen=True, slots=True)
class Difference:
    """One setting with its value in each run, None where it is missing."""

    name: str
    first: str | None
    second: str | None


@dataclass(frozen=True, slots=True)
class Parting:
    """Where two losses part.

    Attributes:
        compared: values recorded at the same steps in both runs, up to and with the first that differ.
        step: at the first values that differ in any bit, None if there are none.
        first: the value in the first run.
        second: the value in the second run.
    """

    compared: int
    step: int | None = None
    first: float | None = None
    second: float | None = None


@dataclass(frozen=True, slots=True)
class Curve:
    """One measure in both runs; pairs hold the first run's value and the second's.

    Attributes:
        measure: its name.
        last: newest values.
        lowest: smallest values, NaN left out.
        step: newest step that has a value in both, None if there is none.
        there: values at that step.
    """

    measure: str
    last: tuple[float | None, float | None]
    lowest: tuple[float | None, float | None]
    step: int | None
    there: tuple[float | None, float | None]


@dataclass(frozen=True, slots=True)
class Change:
    """A finding that only one run has.

    Attributes:
        finding: the finding.
        is_comparable: the check was evaluated in the other run as well.
    """

    finding: Finding
    is_comparable: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """What tells two runs apart.

    Attributes:
        names: of the two runs.
        steps: optimizer steps seen in each.
        settings: what differs in how they were started.
        is_dirty: at least one ran code that is in no commit, so the code may differ unseen.
        parting: where the losses part.
        gained: findings of the second run alone, worst first.
        lost: findings of the first run alone, worst first.
        curves: every measure of either run.
    """

    names: tuple[str, str]
    steps: tuple[int, int]
    settings: tuple[Difference, ...]
    is_dirty: bool
    parting: Parting
    gained: tuple[Change, ...]
    lost: tuple[Change, ...]
    curves: tuple[Curve, ...]

    @property
    def worst_gained(self) -> Severity | None:
        """Severity of the worst finding that the second run alone has, if its check was evaluated in both."""
        return max((c.finding.severity for c in self.gained if c.is_comparable), default=None)


def compare(first: Side, second: Side) -> Comparison:
    """Compare two runs, live or stored. Neither is changed."""
    columns, others = first.run.columns, second.run.columns
    measures = dict.fromkeys((*columns, *others))
    return Comparison(
        names=(first.name, second.name),
        steps=(first.diagnosis.subject.steps, second.diagnosis.subject.steps),
        settings=tuple(differences(first.manifest, second.manifest)),
        is_dirty=bool(first.manifest.get("dirty") or second.manifest.get("dirty")),
        parting=parting(values(columns.get(LOSS)), values(others.get(LOSS))),
        gained=only_in(second.diagnosis, first.diagnosis),
        lost=only_in(first.diagnosis, second.diagnosis),
        curves=tuple(curve(m, columns.get(m), others.get(m)) for m in measures),
    )


def differences(first: Mapping[str, object], second: Mapping[str, object]) -> Iterator[Difference]:
    """Settings that differ, in the order of the manifest."""
    known, others = dict(leaves(first)), dict(leaves(second))
    for name in dict.fromkeys((*known, *others)):
        if known.get(name) != others.get(name):
            yield Difference(name, known.get(name), others.get(name))


def leaves(manifest: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Each setting as text; those in a table carry the table's name before their own."""
    for key in SETTINGS:
        value = manifest.get(key)
        if isinstance(value, Mapping):
            table = cast("Mapping[str, object]", value)
            yield from ((f"{key} {name}", str(table[name])) for name in sorted(table))
        elif isinstance(value, list | tuple):
            yield key, " ".join(str(word) for word in cast("Sequence[object]", value))
        elif value not in (None, ""):
            yield key, str(value)


def values(column: Column | None) -> Series:
    """What a column has kept.

    The newest value of a thinned column is left out: it may stand where the other run has kept nothing.
    """
    if column is None:
        return {}
    steps, kept = column.history()
    if column.total > len(kept):
        del steps[-1], kept[-1]
    found: dict[int, list[float]] = {}
    for step, value in zip(steps, kept, strict=True):
        found.setdefault(step, []).append(value)
    return {step: tuple(of_step) for step, of_step in found.items()}


def parting(first: Series, second: Series) -> Parting:
    """The first values of the same step that are not the same bits; NaN equals itself here.

    Long columns are thinned: a step of which one run has kept more values than the other says nothing.
    """
    compared = 0
    for step, here in first.items():
        there = second.get(step, ())
        for value, other in zip(here, there, strict=True) if len(here) == len(there) else ():
            compared += 1
            if struct.pack("d", value) != struct.pack("d", other):
                return Parting(compared, step, value, other)
    return Parting(compared)


def curve(measure: str, first: Column | None, second: Column | None) -> Curve:
    """One measure in numbers."""
    here, there = values(first), values(second)
    shared = max(here.keys() & there.keys(), default=None)
    return Curve(
        measure,
        last=(last(first), last(second)),
        lowest=(lowest(first), lowest(second)),
        step=shared,
        there=(None, None) if shared is None else (here[shared][-1], there[shared][-1]),
    )


def last(column: Column | None) -> float | None:
    """The newest value."""
    return None if column is None else column.last


def lowest(column: Column | None) -> float | None:
    """The smallest value in memory that is a number."""
    kept = () if column is None else column.history()[1]
    return min((value for value in kept if not math.isnan(value)), default=None)


def only_in(here: Diagnosis, there: Diagnosis) -> tuple[Change, ...]:
    """Findings that only one run has; acknowledged ones are nobody's news."""
    known = Counter(identity(f) for f in there.findings)
    found: list[Change] = []
    for finding in here.findings:
        key = identity(finding)
        known[key] -= 1
        if known[key] < 0 and not finding.suppressed:
            found.append(Change(finding, finding.check in there.checked))
    return tuple(sorted(found, key=lambda c: -c.finding.severity))


def identity(finding: Finding) -> tuple[str, str, str]:
    """What makes two findings the same: lines move, and another machine has other folders."""
    return finding.check, finding.place.subject, PurePath(finding.place.file).name
