"""What one experiment returns."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from osler.model.setup import Curve
from osler.preflight.bench import Bench
from osler.replay.turn import Seen, Turn


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answer of an experiment.

    Attributes:
        answer: one sentence with numbers.
        values: the numbers.
        facts: evidence for setup detectors.
        skipped: it turned out on the way that there is no answer: why.
        curves: courses that were measured on the way.
    """

    answer: str = ""
    values: Mapping[str, float] = field(default_factory=dict[str, float])
    facts: tuple[object, ...] = ()
    skipped: str = ""
    curves: tuple[Curve, ...] = ()


Steps = Generator[Turn, Seen, Outcome]


class Experiment(Protocol):
    """What a file in `osler.preflight.experiments` offers; the experiment is named after it."""

    __name__: str
    QUESTION: str
    COST: int

    def reason(self, bench: Bench) -> str:
        """Why it cannot be asked here; empty if it can."""
        ...

    def perform(self, bench: Bench) -> Steps:
        """Make the experiment, from the state before the first turn."""
        ...
