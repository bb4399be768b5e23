"""Learning-rate schedules: when they step."""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from torch.compiler import is_compiling
from torch.optim import lr_scheduler
from torch.optim.lr_scheduler import LRScheduler

from osler.model import Kind
from osler.runtime.patches import Patches
from osler.runtime.watcher import Watcher


def install(watcher: Watcher, patches: Patches) -> None:
    """Rebind ``step`` of every schedule class that defines it.

    A schedule made of others steps these, and building one takes its first step: only what the script
    calls counts.
    """
    gate = watcher.gate("schedules")
    under_way: list[bool] = []

    def wrap(original: Callable[..., Any], counts: bool) -> Callable[..., Any]:
        def step(self: Any, *args: Any, **kwargs: Any) -> Any:
            if is_compiling():
                return original(self, *args, **kwargs)
            under_way.append(True)
            try:
                result = original(self, *args, **kwargs)
            finally:
                under_way.pop()
            if counts and not under_way:
                gate.call(emit, self, sys._getframe(1))
            return result

        return step

    def emit(schedule: Any, frame: Any) -> None:
        if watcher.thinning.on:
            watcher.thinning.kinds.append(Kind.SCHEDULE)
            return
        watcher.ledger.emit(Kind.SCHEDULE, type(schedule).__name__, watcher.lines.site(frame))

    patches.rebind(LRScheduler, "_initial_step", lambda original: wrap(original, counts=False))
    for kind in schedule_classes():
        patches.rebind(kind, "step", lambda original: wrap(original, counts=True))


def schedule_classes() -> list[type]:
    """The classes of `torch.optim.lr_scheduler`."""
    known = [thing for thing in vars(lr_scheduler).values() if isinstance(thing, type)]
    return list(dict.fromkeys(kind for kind in known if issubclass(kind, LRScheduler)))
