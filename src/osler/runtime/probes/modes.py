"""`train()` and `eval()`: the outermost call, with the line."""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

from torch import nn
from torch.compiler import is_compiling

from osler.model import Kind
from osler.runtime.patches import Patches
from osler.runtime.thinning import sign_of_mode
from osler.runtime.watcher import Watcher

TRAITS = {
    (True, True): frozenset({"train"}),
    (False, True): frozenset({"eval"}),
    (True, False): frozenset({"train", "part"}),
    (False, False): frozenset({"eval", "part"}),
}


def install(watcher: Watcher, patches: Patches) -> None:
    """Rebind ``nn.Module.train``; ``eval()`` calls it."""
    watch = Modes(watcher)
    patches.rebind(nn.Module, "train", watch.wrap)


class Modes:
    """Observes mode changes; ``train()`` calls itself for every submodule, only the outermost counts."""

    def __init__(self, watcher: Watcher) -> None:
        self.watcher = watcher
        self.gate = watcher.gate("train() and eval()")

    def wrap(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """The replacement of ``Module.train``."""
        inside, thinning = self.watcher.inside, self.watcher.thinning

        def train(self_: nn.Module, mode: bool = True) -> Any:
            if is_compiling():
                return original(self_, mode)
            inside.switches += 1
            try:
                result = original(self_, mode)
            finally:
                inside.switches -= 1
            if inside.switches:
                return result
            if thinning.on:
                self.noted(bool(mode))
            else:
                self.gate.call(self.changed, self_, bool(mode), sys._getframe(1))
            return result

        return train

    def noted(self, mode: bool) -> None:
        """A module was switched while the watcher rests."""
        for model in self.watcher.registry.models:
            model.stale = True
        self.watcher.thinning.note(sign_of_mode(mode))

    def changed(self, module: nn.Module, mode: bool, frame: FrameType) -> None:
        """A module was switched."""
        watcher = self.watcher
        for model in watcher.registry.models:
            model.stale = True
        known = watcher.registry.known(module)
        name = known.name if known else type(module).__name__
        watcher.ledger.emit(Kind.MODE, name, watcher.lines.site(frame), TRAITS[mode, known is not None])
