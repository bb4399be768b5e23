"""Do the class ids of a first pass come sorted?"""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from math import lgamma, log

import torch
from torch import Tensor

from osler.runtime.registry import plain

MOST = 512
"""Labels read per batch."""

ENOUGH = -12.0
"""Power of ten below which nothing needs to be added: later passes may come in any order."""


class LabelOrder:
    """The class ids of one loss, as far as they were looked at in its first pass.

    If all orders of the ids seen are equally likely, that of n ids is the sorted one with the chance
    n_1! n_2! … / n!, where n_c counts the ids of class c. This is exact whatever the classes' shares are.

    Attributes:
        labels: ids that have come in ascending order; 0 once they did not.
        chance: logarithm to base 10 of that chance.
    """

    def __init__(self, passes: int) -> None:
        self.labels = 0
        self.chance = 0.0
        self._counts: Counter[int] = Counter()
        self._passes = passes
        self._latest: int | None = None
        self._over = False

    def add(self, target: Tensor, passes: int) -> None:
        """The labels of one more batch: whole numbers, one per sample."""
        if self._over:
            return
        if passes != self._passes or target.dtype != torch.int64 or target.dim() != 1 or not plain(target):
            self._over = True
            return
        ids: list[int] = target[:MOST].tolist()
        if not is_sorted(ids if self._latest is None else [self._latest, *ids]):
            self._over = True
            if self.chance > ENOUGH:
                self.labels, self.chance = 0, 0.0
            return
        self._latest = ids[-1] if ids else self._latest
        self._counts.update(ids)
        self.labels = self._counts.total()
        ways = sum(lgamma(n + 1) for n in self._counts.values()) - lgamma(self.labels + 1)
        self.chance = ways / log(10)


def is_sorted(ids: list[int]) -> bool:
    """Whether no id is smaller than the one before."""
    return all(a <= b for a, b in pairwise(ids))
