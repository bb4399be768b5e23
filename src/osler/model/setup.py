"""What a pre-flight has learned by experiments on the first batches: the evidence of setup detectors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

Fact = TypeVar("Fact")


@dataclass(frozen=True, slots=True)
class Curve:
    """A course that an experiment measured.

    Attributes:
        name: what tells it from the other curves of its experiment, for example ``learning rate × 3``.
        values: one for each turn of the loop.
        measure: what was measured.
    """

    name: str
    values: tuple[float, ...]
    measure: str = "loss"


@dataclass(frozen=True, slots=True)
class Answer:
    """What one experiment has answered.

    Attributes:
        name: of the experiment.
        question: what was asked.
        answer: one sentence; empty if it was not asked.
        values: the numbers behind it.
        seconds: that it took.
        skipped: why it was not asked, empty if it was.
        curves: courses that were measured on the way.
    """

    name: str
    question: str
    answer: str = ""
    values: Mapping[str, float] = field(default_factory=dict[str, float])
    seconds: float = 0.0
    skipped: str = ""
    curves: tuple[Curve, ...] = ()


@dataclass(frozen=True, slots=True)
class Setup:
    """All that experiments have shown.

    Attributes:
        facts: what they have yielded; each is of a type in one of the modules `osler.model.setup…`.
        answers: of all experiments, in the order in which they were asked.
    """

    facts: tuple[object, ...] = ()
    answers: tuple[Answer, ...] = ()

    def all(self, kind: type[Fact]) -> tuple[Fact, ...]:
        """The facts of one type."""
        return tuple(f for f in self.facts if isinstance(f, kind))


NOTHING_ASKED = Setup()
"""The setup of a program on which no experiment was made."""
