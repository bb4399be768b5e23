"""The learning rate of the optimizer's first parameter group."""

from __future__ import annotations

from osler.model import Kind, Measure
from osler.runtime.measures import Moment

WHEN = Kind.STEP
measure = Measure(__name__, unit="per step", title="learning rate of the first parameter group")


def take(moment: Moment) -> float | None:
    """The number in force at this step; None if it lives on an accelerator."""
    if moment.optimizer is None:
        return None
    rate = moment.optimizer.param_groups[0].get("lr")
    return rate if type(rate) is float else float(rate) if isinstance(rate, int) else None
