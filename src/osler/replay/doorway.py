"""Loops without a loader: the wheel is taken where a batch enters the first model.

The script's variables are put back to what they were at the first call, so whatever the loop does with
its batch it does with the first one; only the arguments of the call under way have to be exchanged, also in
the turn with which the script goes on by itself. A function that was called anew has variables of its own,
which stay as they are.
"""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import sys
from collections.abc import Callable, Collection
from dataclasses import dataclass
from time import perf_counter
from types import FrameType
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from osler.replay.first import Phase
from osler.replay.loop import turns_around
from osler.replay.observer import is_transformed
from osler.replay.snapshot import generators
from osler.replay.trees import mapped, tensors
from osler.replay.turn import ForwardCall
from osler.replay.wheel import Wheel
from osler.runtime.patches import Patches

MOST = 400
"""Turns that are taken from a loop at most."""

OWN_SHARE = 0.25
"""Share of a short loop's turns that is left to the script."""

OWN = 32
"""Turns of the script's own that are enough if they take long."""

PATIENCE = 3
"""Calls at other lines after which the first is not waited for any more: it was made ahead of the loop."""

LONG = 5.0
"""Seconds of the script's own training that count as long."""


@dataclass(slots=True, eq=False)
class Doorway:
    """Steers a loop without a loader.

    Attributes:
        wheel: plans the turns.
    """

    wheel: Wheel
    _called: ForwardCall | None = None
    _given: tuple[Any, Any] = ((), {})
    _elsewhere: int = 0
    _numbers: Callable[[], object] = lambda: None
    _learned: frozenset[int] = frozenset()
    _own_turns: int = 0
    _turns: float = 0.0
    _returned: float = 0.0

    def install(self, patches: Patches) -> None:
        """Take hold of calls of models; to be done after a watcher has attached, which sees what is "
        "exchanged."""
        patches.rebind(nn.Module, "__call__", self._wrap)

    def _wrap(self, original: Callable[..., Any]) -> Callable[..., Any]:
        wheel, observer = self.wheel, self.wheel.observer

        def __call__(self_: nn.Module, *args: Any, **kwargs: Any) -> Any:  # noqa: N807
            aside = observer.depth or observer.ignoring or wheel.has_loader or is_transformed()
            if aside or not torch.is_grad_enabled() or not (self_._modules or self_._parameters):
                return original(self_, *args, **kwargs)
            args, kwargs = self.enter(self_, args, kwargs, sys._getframe(1))
            return original(self_, *args, **kwargs)

        return __call__

    def enter(self, module: nn.Module, args: Any, kwargs: Any, frame: FrameType) -> tuple[Any, Any]:
        """A model is called with recording on: what it is given."""
        wheel, observer = self.wheel, self.wheel.observer
        wheel.on_event()
        first = self._first_call()
        if wheel.phase is Phase.FIRST and wheel.snapshot is None:
            self._begin_here(args, kwargs, frame)
            return args, kwargs
        if first is None or first.module is not module or not observer.steps:
            return args, kwargs
        if wheel.phase is Phase.OWN:
            self._count_own_turn()
            return args, kwargs
        if not wheel.follow(frame):
            self._pass_by(args, kwargs, frame)
            return args, kwargs
        return self._steer(first, args, kwargs)

    def _steer(self, first: ForwardCall, args: Any, kwargs: Any) -> tuple[Any, Any]:
        """A turn begins: with what?"""
        wheel, observer = self.wheel, self.wheel.observer
        self._called = first
        self._numbers()
        if wheel.phase is Phase.FIRST:
            wheel.pool.entries.append({0: (first.args, first.kwargs)})
            self._learned = held_by_optimizers(wheel)
            wheel.begin(self._turns_left, unsteerable(first))
        else:
            wheel.advance(observer.take())
        if self._is_over():
            self._returned = perf_counter()
        if unsteerable(first):
            return args, kwargs
        return again((first.args, first.kwargs), self._given, self._learned)

    def _begin_here(self, args: Any, kwargs: Any, frame: FrameType) -> None:
        """The first turn begins with this call."""
        self.wheel.keep(frame)
        self._given, self._elsewhere = (args, kwargs), 0
        self.wheel.observer.on_step = self._count

    def _pass_by(self, args: Any, kwargs: Any, frame: FrameType) -> None:
        """A call at another line than the first: in the same turn, unless the first does not come back."""
        self._elsewhere += 1
        if self.wheel.phase is Phase.FIRST and self._elsewhere >= PATIENCE:
            self.wheel.release()
            self._begin_here(args, kwargs, frame)

    def _count(self, frame: FrameType) -> None:
        """The first step: how often will it be made?"""
        self.wheel.observer.on_step = self._keep_numbers
        lines, first = self.wheel.observer.lines, self._first_call()
        things = self.wheel.snapshot.things if self.wheel.snapshot is not None else []
        trained = [t for t in things if isinstance(t, Optimizer) or (first and t is first.module)]
        self._turns = turns_around(frame, lambda f: bool(lines.kind(f.f_code)), trained)

    def _keep_numbers(self, _: FrameType) -> None:
        """A step: what the loop draws from here to its next turn, as at the end of a pass, is not counted."""
        if self.wheel.phase is Phase.STEERED:
            self._numbers = generators()

    def _is_over(self) -> bool:
        """Whether the script goes on by itself."""
        return self.wheel.phase is Phase.OWN

    def _first_call(self) -> ForwardCall | None:
        """The call with which the first turn began."""
        return self._called or next(iter(self.wheel.observer.forwards), None)

    def _turns_left(self) -> float:
        """Turns that can still be steered."""
        wheel = self.wheel
        own = min(wheel.limits.turns, self._turns * OWN_SHARE)
        return min(MOST, self._turns - own) - wheel.turns

    def _count_own_turn(self) -> None:
        """A turn of the script's own: is it enough?"""
        wheel = self.wheel
        self._own_turns += 1
        wheel.observer.take()
        now = perf_counter()
        if now > wheel.limits.until or (self._own_turns >= OWN and now - self._returned > LONG):
            wheel.on_end()


def held_by_optimizers(wheel: Wheel) -> frozenset[int]:
    """Identities of what optimizers hold."""
    things = wheel.snapshot.things if wheel.snapshot is not None else []
    groups = (g for o in things if isinstance(o, Optimizer) for g in o.param_groups)
    return frozenset(id(p) for g in groups for p in g["params"])


def again(copies: Any, given: Any, learned: Collection[int]) -> Any:
    """The arguments of the first turn: copies, or the tensors themselves where gradients are asked of them.

    What the script asks a gradient of is in a variable of its own, which is put back to that very tensor.
    What an optimizer holds goes on from step to step.
    """
    originals = iter(tensors(given))

    def chosen(copy: Tensor) -> Tensor:
        original = next(originals, copy)
        if id(original) in learned:
            return original
        if not (copy.requires_grad and original.is_leaf and original.shape == copy.shape):
            return copy.detach().clone().requires_grad_(copy.requires_grad)
        original.data.copy_(copy.data)
        original.grad = None
        return original

    return mapped(copies, chosen)


def unsteerable(first: ForwardCall) -> str:
    """Why the loop cannot be given its first batch again; empty if it can."""
    return "the input of the model carries a graph" if first.carries_graph else ""
