"""A histogram counts how large the numbers of one tensor are, on a logarithmic scale."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field

BINS = 64
"""Powers of two that are told apart."""

BELOW = "_below"
"""Ending of a measure whose histograms are those of the negative numbers of another."""

LOWEST = -44
"""Bin 0 counts sizes below 2^-43, bin 63 those from 2^19 on: every size that training meets lies between."""


@dataclass(frozen=True, slots=True)
class Histogram:
    """Sizes of the numbers of one tensor at one step.

    Attributes:
        bins: 64 counts; bin k counts the finite numbers with ``floor(log2(abs(x))) == LOWEST + k``.
        zeros: numbers that are exactly 0.
        negatives: finite numbers below 0, which are in the bins too.
        nans: numbers that are NaN.
        infinities: numbers that are infinite, of either sign.
        below: 64 counts of the negative ones alone; empty if they are not told apart.
    """

    bins: array[int]
    zeros: int = 0
    negatives: int = 0
    nans: int = 0
    infinities: int = 0
    below: array[int] = field(default_factory=lambda: array("I"))
