"""The learning rate of the optimizer's first parameter group."""

from __future__ import annotations

from osler.model import Kind, Measure
from osler.runtime.measures import Moment, rate

WHEN = Kind.STEP
NOTED = "number"
measure = Measure(__name__, unit="per step", title="learning rate of the first parameter group")


def take(moment: Moment) -> float | None:
    """The number in force at this step; None if it lives on an accelerator."""
    return rate(moment.optimizer) if moment.optimizer is not None else moment.number
