"""Learning rates that come back with the state of an optimizer: far below those it had until then?"""

from __future__ import annotations

import weakref
from dataclasses import replace

from torch import Tensor
from torch.optim import Optimizer

from osler.model import RestoredRateFact, Run, Site
from osler.runtime.registry import Registry, plain

FAR = 1e-3
"""Share of the rate before: nobody fine-tunes with a thousandth of the rate that was just asked for."""


class RestoredRates:
    """The rates of each optimizer ahead of its latest `load_state_dict`, until it has stepped.

    Args:
        run: the evidence that grows.
        registry: knows optimizers and schedules by name.
    """

    def __init__(self, run: Run, registry: Registry) -> None:
        self._run = run
        self._registry = registry
        self._ahead: weakref.WeakKeyDictionary[Optimizer, list[float]] = weakref.WeakKeyDictionary()
        self._loaded: weakref.WeakKeyDictionary[Optimizer, RestoredRateFact] = weakref.WeakKeyDictionary()
        self._told: weakref.WeakKeyDictionary[Optimizer, list[float]] = weakref.WeakKeyDictionary()

    def about(self, optimizer: Optimizer) -> None:
        """A state is about to be loaded."""
        self._ahead[optimizer] = rates(optimizer)

    def loaded(self, optimizer: Optimizer, site: Site) -> bool:
        """A state has been loaded; true if the next step will tell whether its rates stay in force."""
        before, after = self._ahead.pop(optimizer, []), rates(optimizer)
        self._told.pop(optimizer, None)
        self._loaded.pop(optimizer, None)
        name = self._registry.optimizer(optimizer)
        self._run.restored_rates.pop(name, None)
        if not before or not before[0] > 0 or len(before) != len(after):
            return False
        built = number(optimizer.defaults.get("lr"))
        pairs = [(b, a) for b, a in zip(before, after, strict=True) if b > 0]
        if built > 0 and all(0 <= a <= FAR * min(b, built) for b, a in pairs):
            self._loaded[optimizer] = RestoredRateFact(name, site, before[0], after[0], self._run.steps)
        return optimizer in self._loaded

    def stepping(self, optimizer: Optimizer) -> None:
        """The first step with the state: are its rates in force, and does no schedule know better?"""
        fact = self._loaded.pop(optimizer, None)
        if fact is None or rates(optimizer)[:1] != [fact.after]:
            return
        schedules = {name: s for s, name in self._registry.schedules() if s.optimizer is optimizer}
        if not any(
            s.last_epoch for s in schedules.values()
        ):  # one that counts was restored, and may end here
            self._told[optimizer] = rates(optimizer)
            self._run.restored_rates[fact.optimizer] = replace(fact, schedule=next(iter(schedules), ""))

    @property
    def waits(self) -> bool:
        """Whether some optimizer has not stepped since such a state was loaded."""
        return bool(self._loaded)

    def finish(self) -> None:
        """The end: the rates of the later groups are in no series, and may have been raised."""
        for optimizer, told in self._told.items():
            if any(now > then for now, then in zip(rates(optimizer), told, strict=False)):
                self._run.restored_rates.pop(self._registry.optimizer(optimizer), None)


def rates(optimizer: Optimizer) -> list[float]:
    """The learning rates of all groups; empty if one of them has none that can be read."""
    found = [number(group.get("lr")) for group in optimizer.param_groups]
    return [] if any(rate != rate for rate in found) else found


def number(rate: object) -> float:
    """A learning rate; not a number where there is none, or one on an accelerator."""
    if isinstance(rate, Tensor):
        return float(rate) if rate.is_cpu and rate.numel() == 1 and plain(rate) else float("nan")
    return float(rate) if isinstance(rate, float | int) else float("nan")
