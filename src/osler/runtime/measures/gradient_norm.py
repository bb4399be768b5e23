"""Norm of the gradients an optimizer stepped on, as a whole and for each parameter."""

from __future__ import annotations

from osler.model import Kind, Measure
from osler.runtime.many import Many, norms
from osler.runtime.measures import Moment
from osler.runtime.registry import held

WHEN = Kind.STEP
SAMPLED = True
measure = Measure(__name__, unit="", title="Euclidean norm of the gradients")


def take(moment: Moment) -> Many | None:
    """Norms after unscaling and clipping, as the step found them; None without gradients."""
    if moment.optimizer is None:
        return None
    return norms((moment.name_of(p), p.grad) for p in held(moment.optimizer))
