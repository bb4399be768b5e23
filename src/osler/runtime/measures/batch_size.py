"""Samples in a batch."""

from __future__ import annotations

from torch import Tensor

from osler.model import Kind, Measure
from osler.runtime.measures import Moment
from osler.runtime.registry import tensors_in

WHEN = Kind.BATCH
measure = Measure(__name__, unit="samples", title="length of the batch's first tensor")


def take(moment: Moment) -> float | None:
    """Length of the first axis of the first tensor; None if there is none."""
    batch = moment.batch
    if type(batch) is list and batch and isinstance(batch[0], Tensor):  # what the default collation makes
        first = batch[0]
    else:
        first = next(iter(tensors_in(batch, 1)), None)
    shape = first.shape if first is not None else ()
    return float(shape[0]) if shape else None
