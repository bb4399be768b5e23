"""Sizes of the numbers that a loss gets."""

from __future__ import annotations

from array import array

import torch
from torch import Tensor

from osler.model import Histogram, Kind, Measure
from osler.model.histogram import BINS, LOWEST
from osler.runtime.measures import Moment
from osler.runtime.registry import plain

WHEN = Kind.LOSS
SAMPLED = True
ELEMENTS = 16_384
"""Elements that are counted, spread over the tensor."""

measure = Measure(__name__, unit="", title="sizes of the first argument of the loss, sampled")


def take(moment: Moment) -> Histogram | None:
    """A histogram over powers of two, on the CPU; None elsewhere and for whole numbers."""
    scores = moment.scores
    if not isinstance(scores, Tensor) or not plain(scores) or not scores.is_cpu or not scores.numel():
        return None
    if not scores.is_floating_point():
        return None
    values = scores.detach().reshape(-1)[:: max(1, scores.numel() // ELEMENTS)].double()
    finite = values[values.isfinite()]
    sizes = finite[finite != 0].abs()
    powers = (torch.frexp(sizes).exponent.long() - 1 - LOWEST).clamp(0, BINS - 1)
    nans = int(values.isnan().sum())
    return Histogram(
        bins=array("I", torch.bincount(powers, minlength=BINS).tolist()),
        zeros=len(finite) - len(sizes),
        negatives=int((finite < 0).sum()),
        nans=nans,
        infinities=len(values) - len(finite) - nans,
    )
