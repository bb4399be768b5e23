"""The page of the pre-flight: what the experiments on the first batches answered."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from osler.model import Answer, Setup

DIGITS = 7
"""Significant digits of a value in a curve: what a float of 32 bits holds."""


@dataclass(frozen=True, slots=True)
class Trace:
    """A curve that an experiment measured, as it is drawn.

    Attributes:
        name: what tells it from the others.
        measure: what was measured.
        x: turns of the loop, from 1.
        y: values of one length with them.
    """

    name: str
    measure: str
    x: tuple[int, ...]
    y: tuple[float, ...]


def preflight(setup: Setup) -> dict[str, object] | None:
    """The experiments as plain values; None if there were none, and then there is no such page.

    Keys of an experiment: ``name``, ``question``, ``answer``, ``skipped``, ``seconds``, ``values``, and
    ``traces`` with ``name``, ``measure``, ``x`` and ``y``.
    """
    if not setup.answers:
        return None
    return {"experiments": [experiment(each) for each in setup.answers]}


def experiment(answer: Answer) -> dict[str, object]:
    """One experiment."""
    return {
        "name": answer.name,
        "question": answer.question,
        "answer": answer.answer,
        "skipped": answer.skipped or None,
        "seconds": answer.seconds,
        "values": answer.values,
        "traces": [{"name": t.name, "measure": t.measure, "x": t.x, "y": t.y} for t in traces(answer)],
    }


def traces(answer: Answer) -> Iterator[Trace]:
    """The curves of an experiment that have a value."""
    for curve in answer.curves:
        if curve.values:
            turns = tuple(range(1, len(curve.values) + 1))
            yield Trace(curve.name, curve.measure, turns, tuple(map(shortened, curve.values)))


def shortened(value: float) -> float:
    """A value with as many digits as anybody can see."""
    return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else value
