"""Share of samples whose highest score is the target, where a loss gets scores and class ids."""

from __future__ import annotations

import torch
from torch import Tensor

from osler.model import Kind, Measure
from osler.runtime.measures import Moment
from osler.runtime.registry import plain

WHEN = Kind.LOSS
SAMPLED = True
measure = Measure(__name__, unit="ratio", title="share of right predictions in the batch, sampled")


def take(moment: Moment) -> float | None:
    """Accuracy of the batch on the CPU, without ignored (negative) ids; None for other losses and devices."""
    scores, targets = moment.scores, moment.targets
    if (
        not isinstance(scores, Tensor)
        or not isinstance(targets, Tensor)
        or not (plain(scores) and plain(targets))
    ):
        return None
    if scores.dim() < 2 or scores.device.type != "cpu" or targets.dtype != torch.int64:
        return None
    if targets.shape != scores.shape[:1] + scores.shape[2:]:
        return None
    counted = targets >= 0
    total = int(counted.sum())
    return int(((scores.detach().argmax(1) == targets) & counted).sum()) / total if total else None
