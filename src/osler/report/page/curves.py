"""The series of a run, short enough to be drawn: smallest, largest and mean value of stretches of steps."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from osler.store.overview import Overview
from osler.store.process import StoredProcess

BUDGET = 60_000
"""Stretches of all series together: with three numbers of four bytes each, the file stays below 2 MB."""

FINEST, COARSEST = 600, 40
"""Stretches per series: a screen tells no more apart, and fewer are no curve."""

MOST_SERIES = 3_000
"""Series that are kept; more would make a file that no browser opens at once."""

HIDDEN = ("batch_fingerprint",)
"""Measures whose numbers mean nothing to a reader."""

FIRST_OF = MappingProxyType(
    {
        "loss": "first loss",
        **dict.fromkeys(
            ("batch_size", "loader_seconds", "input_mean", "input_std", "input_absmax"), "first loader"
        ),
        **dict.fromkeys(
            ("learning_rate", "step_seconds", "gradient_norm", "parameter_norm"), "first optimizer"
        ),
        **dict.fromkeys(("memory", "clip_ratio", "update_ratio"), "first optimizer"),
    }
)
"""What a series without a subject is about where a program has several."""

PRECISION = 1e-6
"""Relative error that no reader of a curve sees."""


@dataclass(frozen=True, slots=True)
class Curve:
    """One series.

    Attributes:
        name: of its column.
        measure: what was measured.
        subject: of what; empty for the whole program.
        unit: of the values; empty for a pure number.
        title: what it is, in a few words.
        course: its values over the steps.
    """

    name: str
    measure: str
    subject: str
    unit: str
    title: str
    course: Overview


@dataclass(frozen=True, slots=True)
class Curves:
    """All series that are shown, and where each stands in the file.

    Attributes:
        all: the curves in the order of the file.
        left_out: how many series are not kept.
    """

    all: tuple[Curve, ...] = ()
    left_out: int = 0
    _places: dict[str, int] = field(default_factory=dict[str, int])

    def place(self, name: str) -> int | None:
        """Position of a series; None if it is not there."""
        return self._places.get(name)

    def of(self, *measures: str) -> list[Curve]:
        """The series of some measures, those of the whole program first."""
        found = [c for c in self.all if c.measure in measures]
        return sorted(found, key=lambda c: bool(c.subject))

    def places(self, curves: Iterable[Curve]) -> list[int]:
        """Positions of curves in the file."""
        return [self._places[c.name] for c in curves]


def curves(process: StoredProcess) -> Curves:
    """The series of a process, each in as many stretches as the file has room for."""
    known = [s for s in process.series.values() if (s.measure or s.name) not in HIDDEN]
    kept = sorted(known, key=lambda s: bool(s.subject))[:MOST_SERIES]
    buckets = min(FINEST, max(COARSEST, BUDGET // max(1, len(kept))))
    courses = process.overviews(buckets)
    found = tuple(
        Curve(s.name, s.measure or s.name, s.subject, s.unit, s.title, courses[s.name])
        for s in kept
        if s.name in courses
    )
    return Curves(found, len(known) - len(kept), {c.name: n for n, c in enumerate(found)})


def encoded(curve: Curve) -> dict[str, object]:
    """A curve as plain values.

    Keys: ``label``: what it is called beside others of its measure; ``at``: first step of each stretch of
    ``width`` steps; ``mean``, ``low`` and ``high`` of the numbers in it, the latter two left out where every
    stretch holds one value; ``count`` of all values; ``nan``, ``up`` and ``down``: positions of the stretches
    that hold NaN, inf and -inf.
    """
    course = curve.course
    plain: dict[str, object] = {
        "name": curve.name,
        "label": curve.subject or FIRST_OF.get(curve.measure, curve.measure),
        "measure": curve.measure,
        "subject": curve.subject,
        "unit": curve.unit,
        "title": curve.title,
        "width": course.width,
        "count": int(course.count.sum()),
        "at": steps(course.start),
        "mean": packed(course.mean),
        "nan": positions(course.nans > 0),
        "up": positions(course.high == np.inf),
        "down": positions(course.low == -np.inf),
    }
    if np.array_equal(course.low, course.high, equal_nan=True):
        return plain
    return {**plain, "low": packed(course.low), "high": packed(course.high)}


def steps(numbers: NDArray[np.int64]) -> str:
    """Steps as text: first, distance and amount if they are regular, else packed."""
    gaps = np.unique(np.diff(numbers))
    if len(gaps) <= 1:
        first = int(numbers[0]) if len(numbers) else 0
        return f"every:{first},{int(gaps[0]) if len(gaps) else 1},{len(numbers)}"
    return base64_of(numbers.astype("<f8"))


def packed(numbers: NDArray[np.float64]) -> str:
    """Numbers in 32 bits unless one of them is too large or too small for that."""
    with np.errstate(over="ignore"):
        single = numbers.astype("<f4")
    finite = np.isfinite(numbers)
    fits = np.isclose(single[finite], numbers[finite], rtol=PRECISION, atol=0).all()
    return base64_of(single if fits else numbers.astype("<f8"))


def base64_of(numbers: NDArray[Any]) -> str:
    """The kind of the numbers, and their bytes as base64."""
    return f"{numbers.dtype.str[1:]}:{base64.b64encode(numbers.tobytes()).decode('ascii')}"


def positions(marked: NDArray[np.bool_]) -> list[int]:
    """Where it is true."""
    return np.flatnonzero(marked).tolist()
