"""What is measured at every step: one file per measure, found by walking this package."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.optim import Optimizer

from osler.model import Histogram, Kind, Measure
from osler.runtime.many import Many
from osler.runtime.registry import held, plain, tensors_in


def nameless(_: Tensor) -> str:
    """No name is known."""
    return ""


@dataclass(frozen=True, slots=True, eq=False)
class Copied:
    """Numbers of a parameter as they were ahead of a step.

    Attributes:
        name: of the parameter.
        parameter: the parameter itself.
        shape: that it had.
        every: which of the runs of its numbers were copied: each, every second, third, …
        numbers: their values.
    """

    name: str
    parameter: Tensor
    shape: torch.Size
    every: int
    numbers: Tensor


@dataclass(slots=True)
class Moment:
    """What is at hand when an event happens; one object, filled anew each time.

    Attributes:
        seconds: time since the previous event of the same kind, or spent waiting for the batch.
        batch: what the loader handed out.
        root: the tensor that backward starts from.
        optimizer: the optimizer that stepped.
        loose: the parameters that a hand may have stepped on, where no optimizer did.
        scores: first argument of a loss.
        targets: second argument of a loss.
        norm: norm of the gradients before they were clipped.
        limit: the norm they were clipped to.
        number: length of the batch, or learning rate, if it was read ahead; the batch and the optimizer are
            not at hand then.
        name_of: the name of a parameter, empty if it has none.
        before: what was copied ahead of the step, if a measure that needs it is due.
    """

    seconds: float = 0.0
    batch: object = None
    root: Tensor | None = None
    optimizer: Optimizer | None = None
    loose: list[Tensor] = field(default_factory=list[Tensor])
    scores: object = None
    targets: object = None
    norm: Tensor | None = None
    limit: float = 0.0
    number: float | None = None
    name_of: Callable[[Tensor], str] = nameless
    before: list[Copied] = field(default_factory=list[Copied])

    @property
    def stepped(self) -> list[Tensor]:
        """The parameters that the step is about."""
        return held(self.optimizer) if self.optimizer is not None else self.loose


Taken = float | Many | Histogram | None
"""One number, numbers for many subjects, a histogram, or nothing to measure here."""

Take = Callable[[Moment], Taken]

Ahead = Callable[[Moment], list[Copied]]


@dataclass(frozen=True, slots=True)
class Taker:
    """A measure with its way of taking it."""

    measure: Measure
    take: Take
    name: str
    sampled: bool = False
    """Taken as often as the budget allows, and not while the watcher rests."""

    ahead: Ahead | None = None
    """Copies what the measure must know of the time before a step."""

    noted: str = ""
    """The field of a moment that is its value, where the event was only noted: while the watcher rests."""

    early: bool = False
    """Taken after a backward where a hand makes the step: it may clear what is measured."""


@dataclass(frozen=True, slots=True)
class Takers:
    """All measures by the kind of event at which they are taken."""

    by_kind: dict[Kind, tuple[Taker, ...]] = field(default_factory=dict[Kind, tuple[Taker, ...]])


def by_name() -> dict[str, Measure]:
    """What each measure of the package is."""
    return {taker.name: taker.measure for those in takers().by_kind.values() for taker in those}


@functools.cache
def takers() -> Takers:
    """Every measure of the package."""
    found: dict[Kind, tuple[Taker, ...]] = {}
    for info in pkgutil.iter_modules(__path__, f"{__name__}."):
        module = importlib.import_module(info.name)
        sampled, ahead = getattr(module, "SAMPLED", False), getattr(module, "ahead", None)
        early, noted = getattr(module, "EARLY", False), getattr(module, "NOTED", "")
        taker = Taker(module.measure, module.take, module.measure.name, sampled, ahead, noted, early)
        found[module.WHEN] = (*found.get(module.WHEN, ()), taker)
    return Takers(found)


def samples(batch: object) -> float | None:
    """Length of the first axis of a batch's first tensor; None if there is none."""
    if type(batch) is list and batch and isinstance(batch[0], Tensor):  # what the default collation makes
        first = batch[0]
    else:
        first = next(iter(tensors_in(batch, 1)), None)
    shape = first.shape if first is not None else ()
    return float(shape[0]) if shape else None


def rate(optimizer: Optimizer) -> float | None:
    """The learning rate of the first parameter group; None if it lives on an accelerator."""
    found = optimizer.param_groups[0].get("lr")
    if type(found) is float:
        return found
    if isinstance(found, Tensor):
        return float(found) if found.is_cpu and found.numel() == 1 and plain(found) else None
    return float(found) if isinstance(found, float | int) else None  # numpy's numbers are floats too


def inputs(batch: object) -> Tensor | None:
    """The first tensor of real numbers in a batch, detached; None if there is none with values."""
    found = (t for t in tensors_in(batch) if t.is_floating_point() and t.numel() and plain(t))
    first = next(found, None)
    return first.detach() if first is not None else None
