"""Weights that are kept and loaded again: do they still share memory with the model?"""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Any

from torch import Tensor, nn
from torch.compiler import is_compiling

from osler.model import AliasFact, Site
from osler.runtime.patches import Patches
from osler.runtime.watcher import Watcher

MOST = 64
"""Kept sets of weights that are remembered, the newest."""


def install(watcher: Watcher, patches: Patches) -> None:
    """Rebind ``nn.Module.state_dict`` and ``load_state_dict``."""
    watch = Weights(watcher)
    patches.rebind(nn.Module, "state_dict", watch.wrap_taken)
    patches.rebind(nn.Module, "load_state_dict", watch.wrap_loaded)


class Weights:
    """Observes the outermost ``state_dict()`` and ``load_state_dict()``."""

    def __init__(self, watcher: Watcher) -> None:
        self.watcher = watcher
        self.gate = watcher.gate("kept weights")
        self.taken: dict[int, tuple[weakref.ref[Any], int, Site]] = {}

    def wrap_taken(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """The replacement of ``state_dict``; a module calls it for its parts with a destination."""

        def state_dict(self_: nn.Module, *args: Any, **kwargs: Any) -> Any:
            result = original(self_, *args, **kwargs)
            if not args and kwargs.get("destination") is None and not is_compiling():
                self.gate.call(self.take, result, sys._getframe(1))
            return result

        return state_dict

    def take(self, weights: Any, frame: FrameType) -> None:
        """Weights were asked for: remember when and where."""
        watcher = self.watcher
        self.taken[id(weights)] = (weakref.ref(weights), watcher.run.steps, watcher.lines.site(frame))
        if len(self.taken) > MOST:
            del self.taken[next(iter(self.taken))]

    def wrap_loaded(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """The replacement of ``load_state_dict``."""

        def load_state_dict(self_: nn.Module, state_dict: Any, *args: Any, **kwargs: Any) -> Any:
            if not is_compiling():
                self.gate.call(self.load, self_, state_dict, sys._getframe(1))
            result = original(self_, state_dict, *args, **kwargs)
            if not is_compiling():
                self.gate.call(self.loaded, self_)
            return result

        return load_state_dict

    def loaded(self, module: nn.Module) -> None:
        """Weights have been loaded, as a target network is brought up to date."""
        self.watcher.by_hand.loaded(module.parameters())

    def load(self, module: nn.Module, weights: Any, frame: FrameType) -> None:
        """Weights are about to be loaded: are they the model's own?"""
        known = self.taken.get(id(weights))
        if known is None or known[0]() is not weights:
            return
        _, step, site = known
        own = {name: p.data_ptr() for name, p in module.named_parameters() if p.numel()}
        run = self.watcher.run
        if step < run.steps and own and all(shares(weights, name, at) for name, at in own.items()):
            loaded = self.watcher.lines.site(frame)
            run.aliases[loaded] = AliasFact(loaded, site, step, run.steps)


def shares(weights: Mapping[str, object], name: str, address: int) -> bool:
    """Whether an entry of the weights lies in the memory of the model's parameter."""
    value = weights.get(name)
    return isinstance(value, Tensor) and value.data_ptr() == address
