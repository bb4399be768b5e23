"""Notice parameters that change without an optimizer: `p -= lr * p.grad`, or an optimizer of one's own."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from osler.runtime.census import Census
from osler.runtime.copies import COPYABLE
from osler.runtime.gradients import Holder
from osler.runtime.registry import plain

MOST = 64
"""Loose parameters that are compared after each backward."""

COPIES = 8
"""Turns in which values are compared as well: `p.data.add_()` leaves no other sign."""

Sign = tuple[int, int]
"""Version and address of a parameter."""


class HandUpdates:
    """Watches parameters that receive gradients and that no optimizer holds.

    Attributes:
        holder: state of their gradients, as for an optimizer.
    """

    def __init__(self, census: Census) -> None:
        self.holder = Holder("by hand", [])
        self._census = census
        self._signs: list[Sign] = []
        self._copy: Tensor | None = None
        self._copies = 0
        self._by_data = False

    @property
    def stepped(self) -> list[Tensor]:
        """Those that a hand is known to change; all if none is known yet."""
        parameters = self.holder.parameters
        return [p for p in parameters if self._census.of(p).updated] or parameters

    def watch(self, loose: list[Tensor]) -> None:
        """Set the parameters to watch."""
        current = {id(p) for p in self.holder.parameters}
        new = [p for p in loose if id(p) not in current]
        if new:
            self.holder.parameters = [*self.holder.parameters, *new][:MOST]
            self.holder.choose(self.holder.parameters)

    def release(self, taken: Iterable[Tensor]) -> None:
        """Stop watching parameters that an optimizer has taken over."""
        if not self.holder.parameters:
            return
        owned = {id(p) for p in taken}
        if any(id(p) in owned for p in self.holder.parameters):
            self.holder.parameters = [p for p in self.holder.parameters if id(p) not in owned]
            self.holder.choose(self.holder.parameters)
            self.forget()  # what was noted belongs to the parameters as they were

    def loaded(self, parameters: Iterable[Tensor]) -> None:
        """Weights were loaded into these: that is no update by hand."""
        if not self._signs:
            return
        own = {id(p) for p in parameters}
        pairs = zip(self.holder.parameters, self._signs, strict=False)
        self._signs = [sign(p) if id(p) in own else s for p, s in pairs]
        if id(self._smallest()) in own:
            self._copy = None

    def after_backward(self) -> None:
        """Note how the parameters are before a hand may change them."""
        parameters = self.holder.parameters
        if not parameters:
            return
        self._signs = [sign(p) for p in parameters]
        smallest = self._smallest()
        if smallest.numel() <= COPYABLE and plain(smallest) and (self._by_data or self._copies < COPIES):
            self._copies += 1
            self._copy = smallest.detach().clone()

    def changed(self) -> str:
        """What the gradients held if the parameters have changed since the last backward, else empty."""
        if not self._signs:
            return ""
        moved = [p for p, s in zip(self.holder.parameters, self._signs, strict=False) if sign(p) != s]
        same = self._equals_copy()
        if not moved and same is False:
            moved = list(self.holder.parameters)
            self._by_data = True
        idle = same is True and any(p is self._smallest() for p in moved)
        self.forget()
        if not moved:
            return ""
        for parameter in moved:
            self._census.of(parameter).updated = True
        status = "empty" if idle else "carried" if self.holder.carried else "fresh"
        self.holder.after_step()
        return status

    def _equals_copy(self) -> bool | None:
        """Whether the smallest parameter still has its values, None if they were not copied."""
        if self._copy is None:
            return None
        smallest = self._smallest()
        return smallest.shape == self._copy.shape and bool(torch.equal(smallest.detach(), self._copy))

    def _smallest(self) -> Tensor:
        return min(self.holder.parameters, key=torch.Tensor.numel)

    def forget(self) -> None:
        """Drop what was noted: the next backward notes it anew."""
        self._signs = []
        self._copy = None


def sign(parameter: Tensor) -> Sign:
    """What changes when a parameter is written to or its data is exchanged."""
    address = parameter.data_ptr() if plain(parameter) else 0
    return parameter._version, address  # pyright: ignore[reportPrivateUsage]
