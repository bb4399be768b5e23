"""Where NaN and infinite values began: in the weights before the loss, or in a module's output."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from math import inf, isfinite, nan

import torch
from torch import Tensor, nn

from osler.model import Site
from osler.runtime.registry import plain, tensors_in

MOST = 2_000
"""Calls inside one forward that are kept for a look at their outputs."""


@dataclass(slots=True, eq=False)
class Scan:
    """The calls inside one forward, in the order in which they returned, until its output is known.

    Attributes:
        calls: module, what it was given, what it returned, and the line of the call.
    """

    calls: list[tuple[nn.Module, object, object, Site]] = field(
        default_factory=list[tuple[nn.Module, object, object, Site]]
    )

    def add(self, module: nn.Module, given: object, output: object, site: Site) -> None:
        """A call returned."""
        if len(self.calls) < MOST:
            self.calls.append((module, given, output, site))

    def first(self) -> tuple[nn.Module, float, Site] | None:
        """The first module that made a NaN or infinite value of finite inputs and weights, and the value."""
        for module, given, output, site in self.calls:
            value = odd_value(tensors_in(output))
            if value is None:
                continue
            if any(has_odd(t) for t in (*tensors_in(given), *module.parameters())):
                continue  # it came from another module, from outside, or from a step
            return module, value, site
        return None


def poisoned(tensors: Iterable[Tensor], name_of: Callable[[Tensor], str]) -> tuple[str, ...]:
    """Names of the weights that contain NaN, in order, each once."""
    sick = [t for t in tensors if holds_numbers(t) and bool(torch.isnan(t.detach()).any())]
    return tuple(dict.fromkeys(name_of(t) or f"tensor {tuple(t.shape)}" for t in sick))


def odd_value(tensors: Iterable[Tensor]) -> float | None:
    """NaN or infinity if one of the tensors contains it."""
    for tensor in tensors:
        if has_odd(tensor):
            return nan if bool(torch.isnan(tensor.detach()).any()) else inf
    return None


def has_odd(tensor: Tensor) -> bool:
    """Whether a tensor contains NaN or infinity."""
    if not holds_numbers(tensor):
        return False
    numbers = tensor.detach()
    if isfinite(numbers.sum()):  # ten times faster, and true of most; a sum may overflow
        return False
    return not bool(torch.isfinite(numbers).all())


def holds_numbers(tensor: Tensor) -> bool:
    """Whether there are floating-point values to look at."""
    return plain(tensor) and tensor.layout is torch.strided and tensor.is_floating_point()
