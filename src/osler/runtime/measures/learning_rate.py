"""The learning rate of the optimizer's first parameter group."""

from __future__ import annotations

from torch import Tensor

from osler.model import Kind, Measure
from osler.runtime.measures import Moment
from osler.runtime.registry import plain

WHEN = Kind.STEP
measure = Measure(__name__, unit="per step", title="learning rate of the first parameter group")


def take(moment: Moment) -> float | None:
    """The number in force at this step; None if it lives on an accelerator."""
    if moment.optimizer is None:
        return None
    rate = moment.optimizer.param_groups[0].get("lr")
    if type(rate) is float:
        return rate
    if isinstance(rate, Tensor):
        return float(rate) if rate.is_cpu and rate.numel() == 1 and plain(rate) else None
    return float(rate) if isinstance(rate, float | int) else None  # numpy's numbers are floats too
