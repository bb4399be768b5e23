"""Do passes over the training data draw the random numbers of an earlier pass?"""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch.optim import Optimizer

from osler.model import RedrawnFact, Run, Site

MOST = 64
"""Passes that are remembered, the newest."""

Owners = tuple[weakref.ref[Optimizer], ...]


@dataclass(frozen=True, slots=True)
class Start:
    """How a pass began.

    Attributes:
        name: the loader.
        state: of torch's generator, as a number.
        seeds: how often it had been seeded.
        steps: optimizer steps finished.
        seeding: where it was seeded last, and with what.
    """

    name: str
    state: int
    seeds: int
    steps: int
    seeding: tuple[Site, str]


@dataclass(slots=True)
class Drawn:
    """Passes that drew the same: how many, the seeds set before the latest, the optimizers there were."""

    times: int
    seeds: int
    owners: Owners


class Redrawing:
    """Compares the state of torch's generator at the ends of passes, once it is seeded while training.

    Attributes:
        armed: it was seeded after the first step; before, nothing is looked at.
    """

    def __init__(self, run: Run, optimizers: Iterable[Optimizer]) -> None:
        self.run = run
        self.optimizers = optimizers
        self.armed = False
        self.seeds = 0
        self.seeding: tuple[Site, str] = ((), "")
        self.starts: weakref.WeakKeyDictionary[Any, Start] = weakref.WeakKeyDictionary()
        self.drawn: dict[tuple[int, int], Drawn] = {}

    def seeded(self, seed: object, site: Site) -> None:
        """Torch gets a seed."""
        self.seeds += 1
        self.seeding = (site, repr(seed))
        self.armed = self.armed or self.run.steps > 0

    def begun(self, iterator: object, name: str) -> None:
        """A pass begins."""
        self.starts[iterator] = Start(name, state(), self.seeds, self.run.steps, self.seeding)

    def ended(self, iterator: object) -> None:
        """A pass is over: were there steps, did anything draw, and has an earlier pass drawn the same?"""
        start = self.starts.pop(iterator, None)
        if start is None or self.run.steps == start.steps:
            return
        now = state()
        if now == start.state:
            return
        key, owners = (start.state, now), tuple(map(weakref.ref, self.optimizers))
        known = self.drawn.pop(key, None)
        if known is None or known.owners != owners or known.seeds == start.seeds:
            known = Drawn(0, start.seeds, owners)  # another training, which may well begin in the same way
        known.times, known.seeds = known.times + 1, start.seeds
        self.drawn[key] = known  # the newest is the last
        if len(self.drawn) > MOST:
            del self.drawn[next(iter(self.drawn))]
        if known.times > 1:
            site, seed = start.seeding
            self.run.redrawn[start.name] = RedrawnFact(start.name, site, seed, known.times, start.steps)


def state() -> int:
    """The state of torch's generator as a number; equal states have equal ones, others next to never."""
    return hash(bytes(torch.get_rng_state().tolist()))
