"""How often each class id is a target in a batch."""

from __future__ import annotations

import torch
from torch import Tensor

from osler.model import Kind, Measure
from osler.runtime.many import Many
from osler.runtime.measures import Moment
from osler.runtime.registry import plain

WHEN = Kind.LOSS
SAMPLED = True
CLASSES = 64
"""Largest class id that is counted: above, a series for each says nothing."""

measure = Measure(__name__, unit="samples", title="targets of each class id in the batch, sampled")


def take(moment: Moment) -> Many | None:
    """Counts of the ids 0 … 63 that occur, on the CPU; negative ids are ignored ones."""
    targets = moment.targets
    if not isinstance(targets, Tensor) or not plain(targets) or not targets.is_cpu:
        return None
    if targets.dtype != torch.int64 or not targets.numel():
        return None
    ids = targets.detach().flatten()
    counts = torch.bincount(ids[(ids >= 0) & (ids < CLASSES)])
    found = counts.nonzero().flatten()
    return Many(tuple(map(str, found.tolist())), counts[found].float()) if len(found) else None
