"""Learning-rate schedules: when they step."""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable
from dataclasses import replace
from types import FrameType, FunctionType
from typing import Any, TypeGuard, cast

from torch.compiler import is_compiling
from torch.optim import Optimizer, lr_scheduler
from torch.optim.lr_scheduler import LRScheduler

from osler.model import Kind, ScheduleFact
from osler.runtime.patches import Patches, transparent
from osler.runtime.watcher import Watcher

HORIZONS = ("total_steps", "T_max", "total_iters", "step_size")
"""Attributes that say after how many steps a schedule is over, or falls."""

PARTS = frozenset({"SequentialLR", "ChainedScheduler"})
"""Schedules that move others on."""

SCHEDULE = Kind.SCHEDULE
"""A name of this module is found faster than a member of an enumeration."""

ARGUMENT = frozenset({"argument"})
NOTHING: frozenset[str] = frozenset()


def install(watcher: Watcher, patches: Patches) -> None:
    """Rebind ``step`` of every schedule class that defines it.

    A schedule made of others steps these, and building one takes its first step: only what the script
    calls counts.
    """
    watch = Schedules(watcher)
    patches.rebind(LRScheduler, "_initial_step", watch.wrap_first)
    for kind in schedule_classes():
        patches.rebind(kind, "step", watch.wrap)


class Schedules:
    """Observes schedules: where they are built, how often they step, and on which metric."""

    def __init__(self, watcher: Watcher) -> None:
        self.watcher = watcher
        self.gate = watcher.gate("schedules")
        self.under_way = 0
        self.names: weakref.WeakKeyDictionary[Any, str] = weakref.WeakKeyDictionary()
        self.calls: dict[str, int] = {}
        watcher.at_finish.append(self.write)

    def wrap_first(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """The replacement of ``_initial_step``, which ends the construction."""

        def first(self_: Any, *args: Any, **kwargs: Any) -> Any:
            self.under_way += 1
            try:
                result = original(self_, *args, **kwargs)
            finally:
                self.under_way -= 1
            if not is_compiling():
                self.gate.call(self.known, self_, sys._getframe(1))
            return result

        return first

    def wrap(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """The replacement of ``step``."""

        def step(self_: Any, *args: Any, **kwargs: Any) -> Any:
            if is_compiling():
                return original(self_, *args, **kwargs)
            self.under_way += 1
            try:
                result = original(self_, *args, **kwargs)
            finally:
                self.under_way -= 1
            if not self.under_way:
                given = args[0] if args else kwargs.get("metrics", kwargs.get("epoch"))
                if given is not None or not self.noted(self_):
                    self.gate.call(self.stepped, self_, given, sys._getframe(1))
            return result

        return transparent(cast("FunctionType", step))  # torch warns here of steps in the wrong order

    def noted(self, schedule: Any) -> bool:
        """A step at rest of a schedule that is known: only counted."""
        thinning, name = self.watcher.thinning, self.names.get(schedule)
        if not thinning.on or name is None:
            return False
        self.calls[name] += 1
        thinning.note(SCHEDULE)
        return True

    def known(self, schedule: Any, frame: FrameType) -> str:
        """The name of a schedule; its fact is written when it is first met."""
        name = self.names.get(schedule)
        if name is None:
            watcher = self.watcher
            optimizer = getattr(schedule, "optimizer", None)
            name = self.names[schedule] = watcher.registry.schedule(schedule)
            self.calls[name] = 0
            watcher.run.schedules[name] = ScheduleFact(
                name,
                watcher.lines.site(frame),
                type(schedule).__name__,
                watcher.registry.optimizer(optimizer) if isinstance(optimizer, Optimizer) else "",
                next((n for a in HORIZONS if isinstance(n := getattr(schedule, a, None), int)), 0),
                str(getattr(schedule, "mode", "")),
                last=max(schedule.milestones, default=0) if is_by_milestones(schedule) else 0,
            )
        return name

    def stepped(self, schedule: Any, given: Any, frame: FrameType) -> None:
        """The script stepped a schedule."""
        watcher = self.watcher
        name = self.known(schedule, frame)
        self.calls[name] += 1
        if isinstance(schedule, lr_scheduler.ReduceLROnPlateau) and isinstance(given, float):
            watcher.run.schedules[name] = with_metric(watcher.run.schedules[name], given)
        if watcher.thinning.on:
            watcher.thinning.kinds.append(Kind.SCHEDULE)  # the log was read on the way here
            return
        self.write(name)
        traits = ARGUMENT if given is not None else NOTHING
        watcher.ledger.emit(Kind.SCHEDULE, name, watcher.lines.site(frame), traits)

    def write(self, *names: str) -> None:
        """Write down how often they have stepped; all of them at the end, after a rest perhaps."""
        facts = self.watcher.run.schedules
        for name in names or self.calls:
            facts[name] = replace(facts[name], calls=self.calls[name])
        for schedule, name in () if names else list(self.names.items()):
            if not self.calls[name] and not any(f.kind in PARTS for f in facts.values()):
                facts[name] = replace(facts[name], calls=driven(schedule))


def driven(schedule: Any) -> int:
    """How often something has moved a schedule on without calling its `step`, as wrappers of schedules do."""
    moved = getattr(schedule, "last_epoch", 0)
    return max(0, moved) if isinstance(moved, int) else 0


def is_by_milestones(schedule: Any) -> TypeGuard[lr_scheduler.MultiStepLR]:
    """Whether its rate changes at steps that were given one by one."""
    return isinstance(schedule, lr_scheduler.MultiStepLR)


def with_metric(fact: ScheduleFact, value: float) -> ScheduleFact:
    """The fact after one more value of the metric."""
    if not fact.metrics:
        return replace(fact, metrics=1, lowest=value, highest=value)
    return replace(
        fact,
        metrics=fact.metrics + 1,
        lows=fact.lows + (value < fact.lowest),
        highs=fact.highs + (value > fact.highest),
        lowest=min(value, fact.lowest),
        highest=max(value, fact.highest),
    )


def schedule_classes() -> list[type]:
    """The classes of `torch.optim.lr_scheduler`."""
    known = [thing for thing in vars(lr_scheduler).values() if isinstance(thing, type)]
    return list(dict.fromkeys(kind for kind in known if issubclass(kind, LRScheduler)))
