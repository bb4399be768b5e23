"""Time spent waiting for a batch."""

from __future__ import annotations

from osler.model import Kind, Measure
from osler.runtime.measures import Moment

WHEN = Kind.BATCH
NOTED = "seconds"
measure = Measure(__name__, unit="seconds", title="time spent waiting for a batch")


def take(moment: Moment) -> float | None:
    """Seconds the loader took to hand out the batch."""
    return moment.seconds
