"""The page of the pre-flight: what the experiments on the first batches answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Trace:
    """A curve that an experiment measured: ``y`` over ``x``, of one length."""

    name: str
    x: Sequence[float]
    y: Sequence[float]


@dataclass(frozen=True, slots=True)
class Answer:
    """What one experiment answered.

    Attributes:
        name: of the experiment, for example ``overfit-one-batch``.
        answer: in one sentence.
        seconds: that it took.
        values: its numbers by their names.
        traces: its curves.
        skipped: why it was not done; empty if it was.
    """

    name: str
    answer: str
    seconds: float = 0.0
    values: Mapping[str, float] = field(default_factory=dict[str, float])
    traces: Sequence[Trace] = ()
    skipped: str = ""


def preflight(answers: Sequence[Answer]) -> dict[str, object] | None:
    """The experiments as plain values; None if there were none, and then there is no such page."""
    if not answers:
        return None
    return {
        "experiments": [
            {
                "name": each.name,
                "answer": each.answer,
                "seconds": each.seconds,
                "values": each.values,
                "skipped": each.skipped or None,
                "traces": [{"name": t.name, "x": list(t.x), "y": list(t.y)} for t in each.traces],
            }
            for each in answers
        ]
    }
