"""Does a step change the weights? Looked at on the first steps of an optimizer and at powers of two."""

from __future__ import annotations

import weakref
from dataclasses import replace

import torch
from torch import Tensor
from torch.optim import Optimizer

from osler.model import Run, UpdateFact
from osler.runtime.copies import COPYABLE
from osler.runtime.gradients import Holder, differs_from_zero
from osler.runtime.registry import plain

AT_FIRST = 4
"""Steps of each optimizer that are looked at; later ones at powers of two."""

WIDE = (torch.float32, torch.float64)
"""Types whose weights do not lose ordinary updates to rounding."""


class Updates:
    """Compares a few small parameters before and after a step.

    Args:
        run: the evidence that grows.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._steps: weakref.WeakKeyDictionary[Optimizer, int] = weakref.WeakKeyDictionary()
        self._copies: list[tuple[Tensor, Tensor]] = []

    def before(self, optimizer: Optimizer, holder: Holder) -> None:
        """A step begins: copy what it should change."""
        count = self._steps[optimizer] = self._steps.get(optimizer, 0) + 1
        self._copies = []
        if count <= AT_FIRST or not count & (count - 1):
            self._copies = [(p, p.detach().clone()) for p in holder.probes if is_due(p)]

    def after(self, optimizer: Optimizer, name: str) -> None:
        """The step is over: is any of them another than before?"""
        copies, self._copies = self._copies, []
        if not copies:
            return
        same = all(torch.equal(p.detach(), copy) for p, copy in copies)
        rates = [float(g.get("lr", 1.0)) for g in optimizer.param_groups]
        known = self._run.updates.get(name, UpdateFact(name))
        rate = max(known.rate, *rates) if same else known.rate
        self._run.updates[name] = replace(known, looks=known.looks + 1, absent=known.absent + same, rate=rate)


def is_due(parameter: Tensor) -> bool:
    """Whether a step must change this parameter: its gradient is not zero. And it is small enough."""
    gradient = parameter.grad
    if gradient is None or not plain(parameter) or parameter.dtype not in WIDE:
        return False
    return parameter.numel() <= COPYABLE and differs_from_zero(gradient)
