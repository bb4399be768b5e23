"""Samples in a batch."""

from __future__ import annotations

from osler.model import Kind, Measure
from osler.runtime.measures import Moment, samples

WHEN = Kind.BATCH
NOTED = "number"
measure = Measure(__name__, unit="samples", title="length of the batch's first tensor")


def take(moment: Moment) -> float | None:
    """Length of the first axis of the first tensor; None if there is none."""
    return samples(moment.batch) if moment.batch is not None else moment.number
