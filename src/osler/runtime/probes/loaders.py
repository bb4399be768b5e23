"""Batches: `DataLoader` iterators, and how long the script waited for them."""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable, Sized
from threading import get_ident
from time import perf_counter_ns
from types import FrameType
from typing import Any

from torch import Tensor
from torch.utils.data import BatchSampler, DataLoader, IterableDataset, RandomSampler, SequentialSampler
from torch.utils.data.dataloader import _BaseDataLoaderIter  # pyright: ignore[reportPrivateUsage]

from osler.model import Kind, LoaderFact
from osler.runtime.fetches import Fetches
from osler.runtime.guard import function_modes
from osler.runtime.measures import samples
from osler.runtime.patches import Patches
from osler.runtime.watcher import Watcher

BATCH = Kind.BATCH
"""A name of this module is found faster than a member of an enumeration."""

LOOKS = 2
"""Passes at whose start a loader is described: its dataset may have been filled after the first."""


def install(watcher: Watcher, patches: Patches) -> None:
    """Rebind the start of a pass and the hand-out of a batch."""
    watch = Batches(watcher)
    patches.rebind(DataLoader, "__iter__", watch.wrap_iter)
    patches.rebind(_BaseDataLoaderIter, "__next__", watch.wrap_next)


class Batches:
    """Observes loaders."""

    def __init__(self, watcher: Watcher) -> None:
        self.watcher = watcher
        self.guard, self.given, self.thinning = watcher.guard, watcher.given, watcher.thinning
        self.log = watcher.thinning.log
        self.gate = watcher.gate("batches")
        self.gate_facts = watcher.gate("what loaders draw")
        self.gate_redrawn = watcher.gate("random numbers that repeat")
        self.gate_fetches = watcher.gate("what datasets store")
        self.gate_axes = watcher.gate("axes of samples")
        self.fetches = Fetches(watcher.run, watcher.lines, self.gate_fetches)
        self.passes: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()
        self.newest = (0, "")
        self.names: weakref.WeakKeyDictionary[Any, str] = weakref.WeakKeyDictionary()

    def wrap_iter(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """The replacement of ``DataLoader.__iter__``."""

        def __iter__(self_: Any) -> Any:
            iterator = original(self_)
            self.gate.call(self.began, self_, iterator)
            return iterator

        return __iter__

    def wrap_next(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """The replacement of the iterator's ``__next__``."""
        watcher, thinning = self.watcher, self.watcher.thinning

        def __next__(self_: Any) -> Any:
            if watcher.stop_reason:
                watcher.stop_if_asked()
            start = perf_counter_ns()
            try:
                batch = original(self_)
            except StopIteration:
                self.gate.call(self.ended, self_, sys._getframe(1))
                raise
            end = perf_counter_ns()
            if thinning.pending and not thinning.on:
                self.gate.call(thinning.begin)
            if thinning.on and (thinning.loose or thinning.is_due(end)):
                self.gate.call(thinning.settle)
            if thinning.on:
                self.lightly(self_, batch, end - start, end)
            else:
                self.gate.call(self.handed_out, self_, batch, end - start, sys._getframe(1))
            return batch

        return __next__

    def began(self, loader: Any, iterator: Any) -> None:
        """A pass begins: give the iterator its loader's name, look at the models' layers again."""
        registry = self.watcher.registry
        name = self.names[iterator] = registry.loader(loader, lambda: described(loader, "").order)
        self.newest = (id(iterator), name)
        for model in self.watcher.registry.models:
            model.stale = True
        self.gate_facts.within(self.describe, loader, name)
        if self.watcher.redrawing.armed:
            self.gate_redrawn.within(self.watcher.redrawing.begun, iterator, name)
        self.gate_fetches.within(self.fetches.began, iterator, name)

    def describe(self, loader: Any, name: str) -> None:
        """Note what the loader draws, at the first pass, and how many passes have begun."""
        loaders = self.watcher.run.loaders
        known = loaders.get(name)
        passes = self.passes[loader] = self.passes.get(loader, 0) + 1
        now = described(loader, name) if known is None or passes <= LOOKS else known
        begun = known.begun + 1 if known is not None else 1
        loaders[name] = LoaderFact(  # not by `replace`, which takes three times as long
            name, now.samples, now.batch_size, now.batches, now.order, now.drop_last, begun
        )

    def lightly(self, iterator: Any, batch: Any, waited: int, now: int) -> None:
        """A batch while the watcher rests: only noted. Nothing here can fail, and no mode sees it."""
        guard, thinning = self.guard, self.thinning
        if get_ident() != guard.owner or guard.busy:
            return
        newest, name = self.newest
        if newest != id(iterator):
            name = self.names.get(iterator, "DataLoader")
        if type(batch) is list and batch and type(batch[0]) is Tensor and not function_modes():
            shape = batch[0].shape  # what the default collation makes
            size = float(shape[0]) if shape else None
        else:
            size = self.gate.call(samples, batch)
        self.given.held = batch
        thinning.in_batch, thinning.mark = True, len(self.log)
        self.log.append((BATCH, name, size, waited / 1e9))
        guard.nanoseconds += perf_counter_ns() - now

    def handed_out(self, iterator: Any, batch: Any, waited: int, frame: FrameType) -> None:
        """A batch goes to the script, after a wait of so many nanoseconds."""
        watcher = self.watcher
        watcher.arrived(frame)
        watcher.begin_look()
        self.given.batch(batch)
        name = self.names.get(iterator, "DataLoader")
        self.gate_axes.within(watcher.axes.batch, iterator, name, batch)
        watcher.ledger.batch(name, watcher.lines.site(frame))
        measuring = watcher.measuring
        measuring.about(Kind.BATCH, name)
        moment = measuring.moment
        moment.batch, moment.seconds = batch, waited / 1e9
        measuring.take(Kind.BATCH)
        moment.batch = None

    def ended(self, iterator: Any, frame: FrameType) -> None:
        """A pass is over."""
        watcher = self.watcher
        watcher.thinning.pending, self.given.held = 0, None
        watcher.axes.forget()
        for action in watcher.at_pass_end:
            action()
        if watcher.redrawing.armed:
            self.gate_redrawn.within(watcher.redrawing.ended, iterator)
        if watcher.thinning.on and watcher.thinning.pass_end():
            return
        watcher.arrived(frame)
        watcher.end_look()
        watcher.look_for_kept_graphs(frame)
        watcher.ledger.pass_end(self.names.get(iterator, "DataLoader"), watcher.lines.site(frame))


def described(loader: Any, name: str) -> LoaderFact:
    """What a loader draws from, how much at once, and in which order."""
    if isinstance(loader.dataset, IterableDataset):
        return LoaderFact(name, -1, loader.batch_size or 0, -1, "stream", bool(loader.drop_last))
    plain = type(loader.batch_sampler) is BatchSampler
    batches: Any = loader.batch_sampler if plain else loader  # which may have been given a sampler of its own
    sampler = batches.sampler
    samples = len(sampler) if isinstance(sampler, Sized) else -1
    kinds: dict[Any, str] = {SequentialSampler: "sequential", RandomSampler: "random"}
    return LoaderFact(
        name=name,
        samples=samples,
        batch_size=int(batches.batch_size) if plain else 0,
        batches=len(loader.batch_sampler) if plain and samples >= 0 else -1,
        order=kinds.get(type(sampler), "custom") if plain else "custom",
        drop_last=bool(batches.drop_last),
    )
