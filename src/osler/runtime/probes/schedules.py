"""Learning-rate schedules: when they step."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from torch.compiler import is_compiling
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from osler.model import Kind
from osler.runtime.patches import Patches
from osler.runtime.watcher import Watcher


def install(watcher: Watcher, patches: Patches) -> None:
    """Rebind ``step`` of the two schedule classes that define it for all others, and their construction."""
    gate = watcher.gate("schedules")
    building: list[bool] = []

    def wrap(original: Callable[..., Any]) -> Callable[..., Any]:
        def step(self: Any, *args: Any, **kwargs: Any) -> Any:
            result = original(self, *args, **kwargs)
            if not is_compiling() and not building:
                gate.call(emit, self, sys._getframe(1))
            return result

        return step

    def wrap_init(original: Callable[..., Any]) -> Callable[..., Any]:
        def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
            building.append(True)
            try:
                original(self, *args, **kwargs)
            finally:
                building.pop()

        return __init__

    def emit(schedule: Any, frame: Any) -> None:
        if watcher.thinning.on:
            watcher.thinning.kinds.append(Kind.SCHEDULE)
            return
        watcher.ledger.emit(Kind.SCHEDULE, type(schedule).__name__, watcher.lines.site(frame))

    patches.rebind(LRScheduler, "step", wrap)
    patches.rebind(LRScheduler, "__init__", wrap_init)
    patches.rebind(ReduceLROnPlateau, "step", wrap)
