"""Time from one optimizer step to the next."""

from __future__ import annotations

from osler.model import Kind, Measure
from osler.runtime.measures import Moment

WHEN = Kind.STEP
NOTED = "seconds"
measure = Measure(__name__, unit="seconds", title="time from one optimizer step to the next")


def take(moment: Moment) -> float | None:
    """Seconds since the previous step; None at the first."""
    return moment.seconds or None
