"""Does fetching a sample change what the dataset stores of it, pass after pass?

The first samples that a loader without workers fetches are followed. What the dataset holds under their index
is compared before and after the fetch: what changes in between was written by `__getitem__`, a transform or
`collate_fn`, and not by the training loop. Workers write to a copy, which is not seen here.
"""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import weakref
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, cast

import numpy as np
from torch.utils.data import ConcatDataset, Subset, TensorDataset, default_collate, default_convert
from torch.utils.data._utils.fetch import _MapDatasetFetcher
from torch.utils.data.dataloader import _SingleProcessDataLoaderIter

from osler.model import OverwriteFact, Run
from osler.runtime.fetch_lines import Writing, writing
from osler.runtime.guard import Gate
from osler.runtime.stored import Numbers, Part, differing, is_handed_out, leaves, parts, spread
from osler.runtime.userlines import UserLines

FOLLOWED = 8
"""Samples that are followed."""

CLOSE = 6
"""Passes of which each is looked at; later only those at powers of two."""

ENOUGH = 2
"""Passes in which a sample must change, and samples that must: a cache is filled once."""

DATASETS = 8
"""Datasets that are followed: more than training needs, unless it makes a new one for each epoch."""

TORCHS_OWN = (default_collate, default_convert)
"""What makes batches where the user says nothing: copies."""

Stored = tuple[type, str]
"""Class of a dataset and the attribute under which it stores samples."""


@dataclass(slots=True)
class Trail:
    """What became of the numbers of one part of a sample.

    Attributes:
        first: before it was ever fetched.
        latest: when it was last seen.
        seen: pass in which that was.
        most: how many were no longer the first at one time.
        passes: those in which a fetch changed them.
    """

    first: Numbers
    latest: Numbers
    seen: int
    most: int = 0
    passes: set[int] = field(default_factory=set[int])


@dataclass(slots=True)
class Follow:
    """The samples of one dataset that are followed.

    Attributes:
        dataset: itself, weakly.
        samples: how many it has, -1 if unknown.
        loaders: names of those that fetch from it.
        collate: makes batches of its samples.
        passes: begun so far.
        trails: by index, then by class, attribute and path.
        due: samples that were not fetched yet in this pass.
        meddled: what something else than a fetch has changed as well.
        before: what was stored before the fetch under way.
        asked: indices of the fetch under way.
        given: what it hands out for each sample.
        writings: what the source says, by what is stored.
    """

    dataset: weakref.ref[Any]
    samples: int
    loaders: list[str] = field(default_factory=list[str])
    collate: object = None
    passes: int = 0
    trails: dict[int, dict[tuple[Stored, str], Trail]] = field(
        default_factory=dict[int, dict[tuple[Stored, str], Trail]]
    )
    due: set[int] = field(default_factory=set[int])
    meddled: set[Stored] = field(default_factory=set[Stored])
    before: dict[int, dict[tuple[Stored, str], Numbers]] = field(
        default_factory=dict[int, dict[tuple[Stored, str], Numbers]]
    )
    asked: list[Any] = field(default_factory=list[Any])
    given: dict[int, list[object]] = field(default_factory=dict[int, list[object]])
    writings: dict[Stored, Writing] = field(default_factory=dict[Stored, Writing])

    @property
    def is_filling(self) -> bool:
        """Samples to follow are still chosen."""
        return self.passes == 1 and len(self.trails) < FOLLOWED

    def parts(self, index: int) -> Iterator[tuple[tuple[Stored, str], Part]]:
        """What is stored for a sample now."""
        for part in parts(self.dataset(), index, self.samples):
            yield ((part.owner, part.attribute), part.path), part


def only_indexes(dataset: object) -> bool:
    """Whether no code but torch's own runs when a sample is fetched: nothing can be written there."""
    if type(dataset) is Subset:
        return only_indexes(dataset.dataset)
    if type(dataset) is ConcatDataset:
        return all(map(only_indexes, dataset.datasets))
    return type(dataset) is TensorDataset


class Fetches:
    """Follows samples.

    Args:
        run: the evidence that grows.
        lines: tells the user's lines.
        gate: contains faults of ours.
    """

    def __init__(self, run: Run, lines: UserLines, gate: Gate) -> None:
        self._run = run
        self._lines = lines
        self._gate = gate
        self._gate.reads = False  # no reason to look up from a rest
        self._follows: dict[int, Follow] = {}

    def began(self, iterator: Any, name: str) -> None:
        """A pass begins; look at its fetches if it is one of those that are looked at."""
        if type(iterator) is not _SingleProcessDataLoaderIter:
            return
        fetcher = iterator._dataset_fetcher
        if type(fetcher) is not _MapDatasetFetcher or not hasattr(fetcher.dataset, "__dict__"):
            return
        if fetcher.collate_fn in TORCHS_OWN and only_indexes(fetcher.dataset):
            return
        follow = self._follow(fetcher.dataset, name)
        if follow is None:
            return
        follow.passes += 1
        passes = follow.passes
        follow.due, follow.collate = set(follow.trails), fetcher.collate_fn
        if (follow.due or passes == 1) and (passes <= CLOSE or passes & (passes - 1) == 0):
            self._look(fetcher, follow)

    def _follow(self, dataset: Any, name: str) -> Follow | None:
        known = self._follows.get(id(dataset))
        if known is None or known.dataset() is not dataset:
            if len(self._follows) >= DATASETS:
                return None
            loader = self._run.loaders.get(name)
            known = Follow(weakref.ref(dataset), loader.samples if loader else -1)
            self._follows[id(dataset)] = known
        if name not in known.loaders:
            known.loaders.append(name)
        return known

    def _look(self, fetcher: Any, follow: Follow) -> None:
        """Stand around the fetches of this pass; of a late one until all that is followed was fetched."""
        collate, alive = fetcher.collate_fn, weakref.ref(fetcher)

        def hand_out(samples: Any) -> Any:
            if follow.before:
                self._gate.call(self._handed, follow, samples)
            return collate(samples)

        def fetch(indices: Any) -> Any:
            own = alive()
            if is_of_others(follow, indices):
                return _MapDatasetFetcher.fetch(cast("Any", own), indices)
            self._gate.call(self._before, follow, indices)
            batch = _MapDatasetFetcher.fetch(cast("Any", own), indices)
            self._gate.call(self._after, follow)
            if own is not None and follow.passes >= CLOSE and not follow.due:
                vars(own).pop("fetch", None)
                own.collate_fn = collate
            return batch

        fetcher.fetch, fetcher.collate_fn = fetch, hand_out

    def _before(self, follow: Follow, indices: Any) -> None:
        follow.before, follow.given, follow.asked = {}, {}, several(indices)
        if follow.is_filling:
            new = [i for i in dict.fromkeys(filter(is_place, follow.asked)) if i not in follow.trails]
            for index in new[: FOLLOWED - len(follow.trails)]:
                follow.trails[index] = {
                    key: Trail(numbers := spread(part.numbers), numbers, follow.passes)
                    for key, part in follow.parts(index)
                }
        for index in follow.trails.keys() & hashable(follow.asked):
            follow.before[index] = dict(self._still(follow, index))

    def _still(self, follow: Follow, index: int) -> Iterator[tuple[tuple[Stored, str], Numbers]]:
        """What is stored now of that which was stored at first; notes what others have changed."""
        for key, part in follow.parts(index):
            trail = follow.trails[index].get(key)
            if trail is not None:
                now = spread(part.numbers)
                if trail.seen >= follow.passes - 1 and differing(trail.latest, now):
                    follow.meddled.add(key[0])
                    self._forget(follow, key[0])
                yield key, now

    def _handed(self, follow: Follow, samples: Any) -> None:
        """Samples, in the order of their indices, on their way into a batch."""
        each: list[object] = list(samples) if type(samples) in {list, tuple} else []
        if len(each) != len(follow.asked):  # one sample that is no batch
            each = [samples] * len(follow.asked)
        for index, sample in zip(follow.asked, each, strict=True):
            if index in follow.before:
                follow.given[index] = [leaf for _, leaf in leaves(sample)]

    def _after(self, follow: Follow) -> None:
        changed: set[Stored] = set()
        for index, before in follow.before.items():
            follow.due.discard(index)
            for key, part in follow.parts(index):
                trail = follow.trails[index].get(key)
                if trail is None or key not in before:
                    continue
                now = spread(part.numbers)
                trail.latest, trail.seen = now, follow.passes
                trail.most = max(trail.most, differing(trail.first, now))
                if differing(before[key], now) and is_handed_out(part, follow.given.get(index, [])):
                    trail.passes.add(follow.passes)
                    changed.add(key[0])
        follow.before, follow.given = {}, {}
        for stored in changed - follow.meddled:
            self._judge(follow, stored)

    def _judge(self, follow: Follow, stored: Stored) -> None:
        """Write down what is certain by now."""
        by_sample = [[t for key, t in own.items() if key[0] == stored] for own in follow.trails.values()]
        again = [own for own in by_sample if any(len(t.passes) >= ENOUGH for t in own)]
        if len(again) < ENOUGH:
            return
        if stored not in follow.writings:
            follow.writings[stored] = writing(follow.dataset(), stored, follow.collate, self._lines)
        found, trails = follow.writings[stored], list(chain(*again))
        if found.is_meant or not found.is_read:
            return
        old = self._run.overwrites.get(follow.loaders[0])
        self._run.overwrites[follow.loaders[0]] = OverwriteFact(
            loaders=tuple(follow.loaders),
            dataset=type(follow.dataset()).__name__,
            owner=stored[0].__name__,
            attribute=stored[1],
            site=found.site,
            is_statement=found.is_statement,
            samples=len(again),
            followed=len(follow.trails),
            passes=len(set(chain(*(t.passes for t in trails)))),
            checked=sum(map(len, (t.first for t in trails))),
            changed=sum(t.most for t in trails),
            step=old.step if old is not None else self._run.steps,
        )

    def _forget(self, follow: Follow, stored: Stored) -> None:
        """Something else changes it too: it is meant to change."""
        told = self._run.overwrites.get(follow.loaders[0])
        if told is not None and (told.owner, told.attribute) == (stored[0].__name__, stored[1]):
            del self._run.overwrites[follow.loaders[0]]


def is_of_others(follow: Follow, indices: Any) -> bool:
    """Whether a batch of plain numbers holds no sample that is followed, as most do."""
    if type(indices) is not list or not indices or type(indices[0]) is not int or follow.is_filling:
        return False
    try:
        return follow.trails.keys().isdisjoint(cast("list[Any]", indices))
    except TypeError:  # not all of them are numbers
        return False


def several(indices: Any) -> list[Any]:
    """The indices of a batch, or the one of a loader that makes none."""
    return list(indices) if type(indices) in {list, tuple} else [indices]


def is_place(index: object) -> bool:
    """It is a number from 0 on."""
    return isinstance(index, int | np.integer) and bool(index >= 0)


def hashable(indices: list[Any]) -> set[Any]:
    """The indices as a set; none if they are no numbers."""
    try:
        return set(indices)
    except TypeError:
        return set()
