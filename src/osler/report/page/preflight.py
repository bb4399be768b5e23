"""The page of the pre-flight: what the experiments on the first batches answered."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from osler.model import Answer, LayerFact, NetworkFact, Setup
from osler.report.page.texts import spot

MOST_LAYERS = 1_000
"""Layers of one network in the file."""

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


def preflight(setup: Setup, root: Path) -> dict[str, object] | None:
    """The experiments as plain values; None if there were none, and then there is no such page.

    Keys of an experiment: ``name``, ``question``, ``answer``, ``skipped``, ``seconds``, ``values``, and
    ``traces`` with ``name``, ``measure``, ``x`` and ``y``. Keys of a network: ``model``, ``elements``,
    ``trainable``, ``seconds``, ``left_out``, and ``layers`` with the fields of `LayerFact`.
    """
    if not setup.answers:
        return None
    return {
        "experiments": [experiment(each) for each in setup.answers],
        "networks": [network(each, root) for each in setup.all(NetworkFact)],
    }


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


def network(fact: NetworkFact, root: Path) -> dict[str, object]:
    """One model and its layers in the order of their calls."""
    return {
        "model": fact.model,
        "elements": fact.elements,
        "trainable": fact.trainable,
        "seconds": fact.seconds,
        "layers": [layer(each, root) for each in fact.layers[:MOST_LAYERS]],
        "left_out": max(0, len(fact.layers) - MOST_LAYERS),
    }


def layer(fact: LayerFact, root: Path) -> dict[str, object]:
    """One layer."""
    return {
        "name": fact.name,
        "kind": fact.kind,
        "place": spot(fact.site[0], root) if fact.site else "",
        "outputs": fact.outputs,
        "elements": fact.elements,
        "trainable": fact.trainable,
        "shared": fact.shared,
        "calls": fact.calls,
        "share": shortened(fact.share),
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
