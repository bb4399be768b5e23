"""Loops without a loader: the wheel is taken where a batch enters the first model.

The script's variables are put back to what they were at the first call, so whatever the loop does with
its batch it does with the first one; only the arguments of the call under way have to be exchanged, also in
the turn with which the script goes on by itself. A function that was called anew has variables of its own,
which stay as they are.
"""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from types import FrameType
from typing import Any

import torch
from torch import nn

from osler.replay.loop import turns_around
from osler.replay.observer import is_transformed
from osler.replay.trees import cloned
from osler.replay.turn import ForwardCall
from osler.replay.wheel import Phase, Wheel
from osler.runtime.patches import Patches

MOST = 400
"""Turns that are taken from a loop at most."""

OWN_SHARE = 0.25
"""Share of a short loop's turns that is left to the script."""

OWN = 32
"""Turns of the script's own that are enough if they take long."""

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
            wheel.keep(frame)
            observer.on_step = self._count
            return args, kwargs
        if first is None or first.module is not module or not observer.steps:
            return args, kwargs
        if wheel.phase is Phase.OWN:
            self._count_own_turn()
            return args, kwargs
        self._called = first
        running = wheel.loop_is_running
        if wheel.phase is Phase.FIRST:
            wheel.pool.entries.append({0: (first.args, first.kwargs)})
            wheel.begin(self._turns_left, unsteerable(first))
        else:
            wheel.advance(observer.take(faithful=running))
        if self._is_over():
            self._returned = perf_counter()
            if unsteerable(first) or not running:
                return args, kwargs
        return cloned(first.args), cloned(first.kwargs)

    def _count(self, frame: FrameType) -> None:
        """The first step: how often will it be made?"""
        self.wheel.observer.on_step = None
        lines = self.wheel.observer.lines
        self._turns = turns_around(frame, lambda f: bool(lines.kind(f.f_code)))

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


def unsteerable(first: ForwardCall) -> str:
    """Why the loop cannot be given its first batch again; empty if it can."""
    return "the input of the model carries a graph" if first.carries_graph else ""
