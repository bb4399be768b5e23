"""Norm of the gradients that a step is made on, as a whole and for each parameter."""

from __future__ import annotations

from osler.model import Kind, Measure
from osler.runtime.many import Many, norms
from osler.runtime.measures import Moment

WHEN = Kind.STEP
SAMPLED = True
EARLY = True
measure = Measure(__name__, unit="", title="Euclidean norm of the gradients")


def take(moment: Moment) -> Many | None:
    """Norms after unscaling and clipping, as the step found them; None without gradients.

    Of what is updated by hand: as `backward()` left them, for nobody tells when the hand begins.
    """
    return norms((moment.name_of(p), p.grad) for p in moment.stepped)
