"""In which layer of a model do the samples of a batch meet?"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from osler.preflight.bench import Bench
from osler.preflight.layer_calls import hooked, is_compiled
from osler.replay.trees import tensors
from osler.replay.turn import ForwardCall

SEQUENCE = 2
"""Axes of an input that a recurrent or attention layer takes for one sequence, without an axis of samples."""

ROUNDING = 1e-5
"""Change, over the largest output, that rounding does not make."""


@dataclass(frozen=True, slots=True)
class Meeting:
    """A layer that is given the samples apart, on its first axis, and returns them mixed.

    Attributes:
        name: in the model.
        kind: its class.
        reads: what it takes the axis of the samples for, if that is known: ``time first`` of a layer with
            ``batch_first=False``, ``one sequence`` of an input of two axes.
    """

    name: str
    kind: str
    reads: str


@dataclass(slots=True)
class Calls:
    """The calls of modules in the order in which they return: inner ones before those around them.

    Attributes:
        seen: module, first tensor that it was given, first one that it returned.
    """

    seen: list[tuple[nn.Module, Tensor, Tensor]] = field(
        default_factory=list[tuple[nn.Module, Tensor, Tensor]]
    )

    def begin(self, *_: Any) -> None:
        """A call begins: it is told when it has returned."""

    def end(self, module: nn.Module, args: Any, output: Any) -> None:
        """A call has returned."""
        given, result = next(iter(tensors(args)), None), next(iter(tensors(output)), None)
        if given is not None and result is not None:
            self.seen.append((module, given, result))


def meeting(bench: Bench, forward: ForwardCall, number: int, changed: Any) -> Meeting | None:
    """The innermost layer in which samples meet; None if they meet between layers, or that cannot be seen.

    Args:
        bench: where the model can be called again.
        forward: the call; the model is in evaluation mode.
        number: of a sample.
        changed: positional and named arguments with another sample in its place.
    """
    if is_compiled(forward.module):
        return None
    before, after = Calls(), Calls()
    with hooked(before.begin, before.end):
        bench.call(forward)
    with hooked(after.begin, after.end):
        bench.call(forward, *changed)
    names = {module: name for name, module in forward.module.named_modules() if name}
    for (module, given, result), (same, other, mixed) in zip(before.seen, after.seen, strict=False):
        if module is not same:
            return None
        if module in names and is_alone(given, other, number) and is_spread(result, mixed, number):
            return Meeting(names[module], type(module).__name__, reading(module, given))
    return None


def rows_that_differ(one: Tensor, other: Tensor) -> Tensor | None:
    """Which entries of the first axis differ; None if the two have no axis in common."""
    if one.shape != other.shape or not one.dim():
        return None
    return (one != other).reshape(len(one), -1).any(1)


def is_alone(given: Tensor, other: Tensor, number: int) -> bool:
    """Whether this sample alone differs, on the first axis."""
    rows = rows_that_differ(given, other)
    return rows is not None and number < len(rows) and bool(rows[number]) and int(rows.sum()) == 1


def is_spread(result: Tensor, mixed: Tensor, number: int) -> bool:
    """Whether other entries of the first axis differ by more than rounding."""
    rows = rows_that_differ(result, mixed)
    if rows is None or not result.is_floating_point():
        return False
    change = torch.nan_to_num(mixed - result).reshape(len(result), -1).abs().amax(1)
    change[number : number + 1] = 0.0
    return float(change.max()) > ROUNDING * (float(result.abs().max()) or 1.0)


def reading(module: nn.Module, given: Tensor) -> str:
    """What a layer over sequences takes the axis of the samples for; empty if it is another layer."""
    inner = [m for m in module.modules() if isinstance(m, nn.RNNBase | nn.MultiheadAttention)]
    if not inner:
        return ""
    if given.dim() == SEQUENCE:
        return "one sequence"
    return "" if any(m.batch_first for m in inner) else "time first"
