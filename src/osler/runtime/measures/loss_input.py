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
    sizes, below = finite[finite != 0].abs(), finite[finite < 0]
    nans = int(values.isnan().sum())
    return Histogram(
        bins=counted(sizes),
        zeros=len(finite) - len(sizes),
        negatives=len(below),
        nans=nans,
        infinities=len(values) - len(finite) - nans,
        below=counted(-below),
    )


def counted(sizes: Tensor) -> array[int]:
    """How many of them there are of each power of two."""
    powers = (torch.frexp(sizes).exponent.long() - 1 - LOWEST).clamp(0, BINS - 1)
    return array("I", torch.bincount(powers, minlength=BINS).tolist())
