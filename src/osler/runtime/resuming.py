"""Training that goes on from a file: does it take up all the state that the file holds?

Compared at the first step after the file was read and weights were loaded. An optimizer that has taken steps
has a state, a schedule counts; however they are restored, they do not start from nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from math import isfinite
from typing import Any

import torch
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from osler.model import ResumeFact, Run, Site
from osler.runtime.registry import Registry

COUNT = "last_epoch"

MOST = 64
"""Entries of a file that are looked at: one with more holds data."""

VARYING = ("params", "lr", "initial_lr")
"""Entries of a parameter group that differ between the stop and the start of one and the same training."""

Settings = list[tuple[int, dict[str, Any]]]
"""For each parameter group its number of tensors and what does not vary."""


@dataclass(slots=True, eq=False)
class Stored:
    """What a file holds besides weights.

    Attributes:
        site: where it was read.
        place: its path, or the identity of the object it was read from.
        step: optimizer steps finished then.
        optimizers: for each optimizer with a state, its number of steps and its settings.
        schedules: for each schedule that has counted, the names in its state and its count.
        has_weights: weights were loaded since it was read.
    """

    site: Site
    place: object
    step: int
    optimizers: list[tuple[int, Settings]]
    schedules: list[tuple[frozenset[str], int]]
    has_weights: bool = False


class Resuming:
    """The file that was read last, until an optimizer steps.

    Args:
        run: the evidence that grows.
        registry: knows optimizers and schedules by name.

    Attributes:
        pending: the file, if it holds the state of a training.
        read: places of files from which training went on, with the keys of their facts.
    """

    def __init__(self, run: Run, registry: Registry) -> None:
        self._run = run
        self._registry = registry
        self.pending: Stored | None = None
        self.read: dict[object, tuple[str, ...]] = {}

    def loaded(self, content: object, place: object, site: Site) -> None:
        """A file was read."""
        parts = list(states(content))
        optimizers = [o for p in parts if (o := as_optimizer(p)) is not None]
        schedules = [(frozenset(p), int(p[COUNT])) for p in parts if counts(p)]
        if optimizers or schedules:
            self.pending = Stored(site, place, self._run.steps, optimizers, schedules)

    def weights_loaded(self) -> None:
        """Weights were loaded into some model."""
        if self.pending is not None:
            self.pending.has_weights = True

    def stepping(self, optimizer: Optimizer) -> None:
        """The first step after the file was read: has everything been taken up?"""
        stored, self.pending = self.pending, None
        if stored is None or not stored.has_weights:
            return
        missing: list[ResumeFact] = []
        restored: list[str] = []
        name = self._registry.optimizer(optimizer)
        own = settings(optimizer.param_groups)
        taken = next((steps for steps, given in stored.optimizers if given == own), None)
        if taken is not None:
            fact = ResumeFact(stored.site, "optimizer", name, taken, step=stored.step)
            restored += ["the optimizer"] * bool(optimizer.state)
            missing += [] if optimizer.state else [fact]
        for schedule, title in self._registry.schedules():
            count = next((n for names, n in stored.schedules if names == frozenset(vars_of(schedule))), None)
            if count is None or schedule.optimizer is not optimizer:
                continue
            fact = ResumeFact(stored.site, "schedule", title, count, step=stored.step)
            restored += ["the schedule"] * bool(schedule.last_epoch)
            missing += [] if schedule.last_epoch else [fact]
        self._write(stored, [replace(f, restored=tuple(restored)) for f in missing])

    def _write(self, stored: Stored, facts: list[ResumeFact]) -> None:
        for fact in facts:
            known = self._run.optimizers if fact.missing == "optimizer" else self._run.schedules
            built = known[fact.name].site if fact.name in known else ()
            self._run.resumes[fact.name] = replace(fact, built=built)
        self.read[stored.place] = tuple(fact.name for fact in facts)

    def written(self, place: object) -> None:
        """A file was written: is it the one that was read?"""
        for name in self.read.pop(place, ()):
            if name in self._run.resumes:
                self._run.resumes[name] = replace(self._run.resumes[name], written_again=True)


def states(content: object) -> Iterator[dict[str, Any]]:
    """States of optimizers and schedules below the top of what was read, also those in lists."""
    if not isinstance(content, dict):
        return
    for value in islice(content.values(), MOST):  # pyright: ignore
        for item in value[:MOST] if isinstance(value, list) else [value]:  # pyright: ignore
            if isinstance(item, dict) and ("param_groups" in item or COUNT in item):
                yield item  # pyright: ignore


def as_optimizer(part: dict[str, Any]) -> tuple[int, Settings] | None:
    """Steps and settings of an optimizer that has a state; None if it is none."""
    state, groups = part.get("state"), part.get("param_groups")
    if not isinstance(state, dict) or not state or not isinstance(groups, list):
        return None
    if not all(isinstance(group, dict) and "params" in group for group in groups):
        return None
    first = next(iter(state.values()))
    return steps_in(first.get("step") if isinstance(first, dict) else None), settings(groups)


def steps_in(count: object) -> int:
    """A count of steps, as a number or in a tensor; 0 if it is neither."""
    if isinstance(count, torch.Tensor):
        count = count.item() if count.numel() == 1 and not count.is_meta else None
    return int(count) if isinstance(count, int | float) and isfinite(count) else 0


def settings(groups: list[dict[str, Any]]) -> Settings:
    """What two optimizers of one training have in common."""
    return [(len(g["params"]), {k: v for k, v in g.items() if k not in VARYING}) for g in groups]


def counts(part: dict[str, Any]) -> bool:
    """Whether this is the state of a schedule that has taken steps."""
    return "_step_count" in part and isinstance(part.get(COUNT), int) and part[COUNT] > 0


def vars_of(schedule: LRScheduler) -> dict[str, Any]:
    """The names in the state of a schedule."""
    return {name: value for name, value in vars(schedule).items() if name != "optimizer"}
