"""What is measured at every step: one file per measure, found by walking this package."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, field

from torch import Tensor
from torch.optim import Optimizer

from osler.model import Kind, Measure


@dataclass(slots=True)
class Moment:
    """What is at hand when an event happens; one object, filled anew each time.

    Attributes:
        seconds: time since the previous event of the same kind, or spent waiting for the batch.
        batch: what the loader handed out.
        root: the tensor that backward starts from.
        optimizer: the optimizer that stepped.
        scores: first argument of a loss.
        targets: second argument of a loss.
    """

    seconds: float = 0.0
    batch: object = None
    root: Tensor | None = None
    optimizer: Optimizer | None = None
    scores: object = None
    targets: object = None


Take = Callable[[Moment], float | None]


@dataclass(frozen=True, slots=True)
class Taker:
    """A measure with its way of taking it."""

    measure: Measure
    take: Take
    name: str
    every: int = 1
    """Taken at the first eight events, then at every n-th."""


@dataclass(frozen=True, slots=True)
class Takers:
    """All measures by the kind of event at which they are taken."""

    by_kind: dict[Kind, tuple[Taker, ...]] = field(default_factory=dict[Kind, tuple[Taker, ...]])


@functools.cache
def takers() -> Takers:
    """Every measure of the package."""
    found: dict[Kind, tuple[Taker, ...]] = {}
    for info in pkgutil.iter_modules(__path__, f"{__name__}."):
        module = importlib.import_module(info.name)
        taker = Taker(module.measure, module.take, module.measure.name, getattr(module, "EVERY", 1))
        found[module.WHEN] = (*found.get(module.WHEN, ()), taker)
    return Takers(found)
