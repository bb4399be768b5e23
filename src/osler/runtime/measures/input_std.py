"""Standard deviation of a batch's inputs."""

from __future__ import annotations

from osler.model import Kind, Measure
from osler.runtime.many import Many
from osler.runtime.measures import Moment, inputs

WHEN = Kind.BATCH
SAMPLED = True
measure = Measure(__name__, unit="", title="standard deviation of the batch's first tensor of real numbers")


def take(moment: Moment) -> Many | None:
    """Over all axes; None for a batch without real numbers."""
    values = inputs(moment.batch)
    return Many(("",), values.std(correction=0)[None].float()) if values is not None else None
