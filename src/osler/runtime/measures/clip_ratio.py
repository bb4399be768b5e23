"""How far the norm of the gradients was above the limit to which it was clipped."""

from __future__ import annotations

from math import isfinite

from osler.model import Kind, Measure
from osler.runtime.many import Many
from osler.runtime.measures import Moment
from osler.runtime.registry import plain

WHEN = Kind.CLIP
measure = Measure(__name__, unit="", title="norm of the gradients over the limit it is clipped to")


def take(moment: Moment) -> float | Many | None:
    """The ratio, above 1 where clipping acted; None where the norm is only measured."""
    if moment.norm is None or moment.limit <= 0 or not isfinite(moment.limit) or not plain(moment.norm):
        return None
    ratio = moment.norm.detach() / moment.limit
    return ratio.item() if ratio.is_cpu else Many(("",), ratio.reshape(1))
