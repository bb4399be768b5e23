"""Do the class ids of a first pass come sorted, batch after batch?"""

from __future__ import annotations

from collections import Counter
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

    The order inside a batch changes no gradient, so a batch counts as a set. If n ids are dealt at random to
    batches of b_1, b_2, … ids, no batch holds a smaller id than the one before with the chance
    (Π b_i!) (Π n_c!) / (n! Π n_ic!), where n_c counts the ids of class c and n_ic those of them in batch i.
    This is exact whatever the classes' shares are. A single batch proves nothing: its chance is 1.

    Attributes:
        labels: ids that have come in batches of ascending order; 0 once they did not.
        chance: logarithm to base 10 of that chance.
    """

    def __init__(self, passes: int) -> None:
        self.labels = 0
        self.chance = 0.0
        self._counts: Counter[int] = Counter()
        self._deals = 0.0
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
        if ids and self._latest is not None and min(ids) < self._latest:
            self._over = True
            if self.chance > ENOUGH:
                self.labels, self.chance = 0, 0.0
            return
        self._latest = max(ids, default=self._latest)
        counts = Counter(ids)
        self._counts.update(counts)
        self._deals += lgamma(len(ids) + 1) - sum(lgamma(n + 1) for n in counts.values())
        self.labels = self._counts.total()
        ways = self._deals + sum(lgamma(n + 1) for n in self._counts.values()) - lgamma(self.labels + 1)
        self.chance = ways / log(10)
