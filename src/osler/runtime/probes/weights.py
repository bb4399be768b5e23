"""Weights that are kept and loaded again: do they still share memory with the model?"""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import FrameType
from typing import Any, cast

from torch import Tensor, nn
from torch.compiler import is_compiling
from torch.nn.parameter import is_lazy

from osler.model import AliasFact, SelfLoadFact, Site
from osler.runtime.fitting import fitted
from osler.runtime.patches import Patches
from osler.runtime.watcher import Watcher

Taken = tuple[weakref.ref[Any], int, Site, weakref.ref[nn.Module]]
"""Weights or one tensor of them, the optimizer steps finished when they were taken, the line, the module."""

MOST = 128
"""Kept sets of weights, and first tensors of them, that are remembered, the newest."""


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
        self.gate_fit = watcher.gate("weights that are loaded")
        self.taken: dict[int, Taken] = {}
        self.own_loads: weakref.WeakKeyDictionary[nn.Module, int] = weakref.WeakKeyDictionary()
        self.missed: weakref.WeakKeyDictionary[nn.Module, tuple[Site, int]] = weakref.WeakKeyDictionary()

    def wrap_taken(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """The replacement of ``state_dict``; a module calls it for its parts with a destination."""

        def state_dict(self_: nn.Module, *args: Any, **kwargs: Any) -> Any:
            result = original(self_, *args, **kwargs)
            if not args and kwargs.get("destination") is None and not is_compiling():
                self.gate.call(self.take, self_, result, sys._getframe(1))
            return result

        return state_dict

    def take(self, module: nn.Module, weights: Any, frame: FrameType) -> None:
        """Weights were asked for: remember whose, when and where."""
        try:
            kept = weakref.ref(weights)
        except TypeError:  # a plain dict, as hooks may return: what is not held may be another one later
            return
        watcher = self.watcher
        steps, site, owner = watcher.run.steps, watcher.lines.site(frame), weakref.ref(module)
        self.remember(id(weights), (kept, steps, site, owner))
        first = weights.get(next((name for name, _ in module.named_parameters()), ""))
        if isinstance(first, Tensor):  # in a dict of the user's own it is still the same
            self.remember(id(first), (weakref.ref(first), steps, site, owner))

    def remember(self, key: int, taken: Taken) -> None:
        """Keep a record, and of all records the newest."""
        self.taken.pop(key, None)  # the newest is the last
        self.taken[key] = taken
        if len(self.taken) > MOST:
            del self.taken[next(iter(self.taken))]

    def when_taken(self, thing: object) -> Taken | None:
        """When a model gave these weights or this tensor; None if none did."""
        known = self.taken.get(id(thing))
        return known if known is not None and known[0]() is thing else None

    def last_taken(self, module: nn.Module) -> Taken | None:
        """When the model gave weights for the last time: what detached ones were made of is no younger."""
        return next((known for known in reversed(self.taken.values()) if known[3]() is module), None)

    def wrap_loaded(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """The replacement of ``load_state_dict``."""

        def load_state_dict(self_: nn.Module, state_dict: Any, *args: Any, **kwargs: Any) -> Any:
            if not is_compiling():
                assign = bool(args[1] if len(args) > 1 else kwargs.get("assign"))
                strict = bool(args[0] if args else kwargs.get("strict", True))
                self.gate.call(self.load, self_, state_dict, assign, sys._getframe(1))
                self.gate_fit.call(self.fit, self_, state_dict, strict, sys._getframe(1))
            result = original(self_, state_dict, *args, **kwargs)
            if not is_compiling():
                self.gate.call(self.loaded, self_)
            return result

        return load_state_dict

    def loaded(self, module: nn.Module) -> None:
        """Weights have been loaded, as a target network is brought up to date."""
        self.watcher.by_hand.loaded(module.parameters())

    def load(self, module: nn.Module, weights: Any, assign: bool, frame: FrameType) -> None:
        """Weights are about to be loaded: are they the model's own, or those of another one?"""
        run = self.watcher.run
        site = self.watcher.lines.site(frame)
        if not isinstance(weights, Mapping):
            return
        given = cast("Mapping[str, object]", weights)
        addresses = ((name, p.data_ptr()) for name, p in module.named_parameters() if not is_lazy(p))
        own = {name: at for name, at in addresses if at}  # empty ones, subclasses and those on meta have none
        if own and all(shares(given, name, at) for name, at in own.items()):
            first = given.get(next(iter(own)))
            known = self.when_taken(given) or self.when_taken(first) or self.last_taken(module)
            if known is not None and known[1] < run.steps:
                run.aliases[site] = AliasFact(site, known[2], known[1], run.steps)
            elif run.steps:
                self.count(module, SelfLoadFact(site, type(module).__name__, 0, run.steps))
            return
        known = self.when_taken(given)
        source = known[3]() if known is not None else None
        if source is not None and type(source) is type(module):
            if assign:
                self.count(module, SelfLoadFact(site, type(module).__name__, 0, run.steps, assigned=True))
            else:
                self.watcher.following.copied(module, source, site)

    def fit(self, module: nn.Module, weights: Any, strict: bool, frame: FrameType) -> None:
        """Weights are about to be loaded: do they fit? If they must, torch will say so."""
        watcher = self.watcher
        loads = watcher.run.loads
        watcher.resuming.weights_loaded()
        if not strict and isinstance(weights, Mapping):
            fact = fitted(module, weights, watcher.lines.site(frame), watcher.run.steps)  # pyright: ignore
            if fact is not None and (not fact.matched or fact.renamed > fact.matched):
                loads[fact.site] = fact
                self.missed[module] = fact.site, changes(module)
                return
        for part in module.modules() if self.missed else ():
            site, before = self.missed.pop(part, ((), 0))
            once_each = len(list(part.parameters()))  # else it has been trained since
            if site and changes(part) - before <= once_each:
                loads.pop(site, None)

    def count(self, module: nn.Module, fact: SelfLoadFact) -> None:
        """Weights were loaded into the memory in which they lie; each fold of a program has a model anew."""
        known = self.watcher.run.self_loads.get(fact.site, fact)
        times = self.own_loads[module] = self.own_loads.get(module, 0) + 1
        self.watcher.run.self_loads[fact.site] = replace(known, times=max(known.times, times))


def changes(module: nn.Module) -> int:
    """How often something was written into the parameters of a module: a load does so once to each."""
    return sum(p._version for p in module.parameters())


def shares(weights: Mapping[str, object], name: str, address: int) -> bool:
    """Whether an entry of the weights lies in the memory of the model's parameter."""
    value = weights.get(name)
    return isinstance(value, Tensor) and value.data_ptr() == address
