"""Norm of the parameters that a step is about, as a whole and for each of them."""

from __future__ import annotations

from osler.model import Kind, Measure
from osler.runtime.many import Many, norms
from osler.runtime.measures import Moment

WHEN = Kind.STEP
SAMPLED = True
measure = Measure(__name__, unit="", title="Euclidean norm of the parameters")


def take(moment: Moment) -> Many | None:
    """Norms after the step; None without parameters."""
    return norms((moment.name_of(p), p) for p in moment.stepped if p.requires_grad)
