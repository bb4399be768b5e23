"""Running statistics against those of the batch: the loss of one batch with either, and whether they move."""

from __future__ import annotations

import math
import sys
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm  # pyright: ignore[reportPrivateUsage]
from torch.nn.modules.module import register_module_forward_pre_hook
from torch.nn.parameter import is_lazy

from osler.model import Site, StillNormFact, listed
from osler.preflight.bench import Bench
from osler.preflight.outcome import Outcome, Steps
from osler.replay.turn import Seen, Turn

QUESTION = "is the loss with the running statistics of BatchNorm that with the statistics of the batch?"
TURNS = 6
"""Turns of training after which it is asked; far too few for statistics to be good, enough to move them."""

COST = 2 * (TURNS + 1)


def reason(bench: Bench) -> str:
    """Why it cannot be asked."""
    if not bench.models:
        return "no model was called in the first turn"
    if not norms(bench):
        return "no layer keeps running statistics"
    if bench.exact is False:
        return "the first batches do not give the same numbers when they are replayed"
    return ""


def norms(bench: Bench) -> dict[str, _BatchNorm]:
    """BatchNorm layers with running statistics, by name."""
    named = ((name, layer) for model in bench.models for name, layer in model.named_modules())
    kept = ((name, layer) for name, layer in named if isinstance(layer, _BatchNorm))
    return {name: layer for name, layer in kept if keeps_statistics(layer)}


def keeps_statistics(layer: _BatchNorm) -> bool:
    """Whether a layer has running statistics already."""
    return layer.running_mean is not None and not is_lazy(layer.running_mean)


@dataclass(slots=True)
class Watched:
    """What the script's own turns do with the layers.

    Attributes:
        fresh: identities of layers with mean 0 and variance 1 at the beginning, and still at the end.
        modes: in which each layer was called while gradients were recorded, by identity.
        sites: where it was called.
        thin: identities of layers that were given one value per channel: train mode refuses that.
        batch: the loss of the first batch with its own statistics; NaN if that was not to be had.
        running: the same with the running statistics.
    """

    fresh: set[int] = field(default_factory=set[int])
    modes: dict[int, set[bool]] = field(default_factory=dict[int, set[bool]])
    sites: dict[int, Site] = field(default_factory=dict[int, Site])
    thin: set[int] = field(default_factory=set[int])
    batch: float = math.nan
    running: float = math.nan

    def note(self, layer: nn.Module, args: tuple[Any, ...]) -> None:
        """A layer is called with these arguments."""
        self.modes.setdefault(id(layer), set()).add(layer.training)
        given = next((t for t in args if isinstance(t, Tensor)), None)
        if given is None or given.dim() < 2 or given.numel() <= given.shape[1]:
            self.thin.add(id(layer))


def perform(bench: Bench) -> Steps:
    """Train for some turns, then take the loss with one kind of statistics; the same for the other."""
    layers, watched = norms(bench), Watched()
    watched.batch = yield from trained(bench, layers, watched, own=True)
    watched.running = yield from trained(bench, layers, watched, own=False)
    still = [name for name, layer in layers.items() if is_still(layer, watched)]
    facts = tuple(facts_of(bench, layers, still, watched))
    values = {
        "batch": watched.batch,
        "running": watched.running,
        "layers": len(layers),
        "unmoved": len(still),
    }
    running, batch = loss(watched.running), loss(watched.batch)
    told = f"after {TURNS} turns {running} with the running ones, {batch} with those of the batch"
    if still:
        told += f"; those of {listed(still)} have not moved"
    return Outcome(told, values, facts)


def loss(value: float) -> str:
    """A loss in words."""
    return "unknown" if math.isnan(value) else f"{value:.4g}"


def trained(
    bench: Bench, layers: dict[str, _BatchNorm], watched: Watched, *, own: bool
) -> Generator[Turn, Seen, float]:
    """The loss of the first batch after some turns, dropout off, by its own or by the running statistics."""
    yield from bench.begin()
    fresh = {id(layer) for layer in layers.values() if is_fresh(layer)}
    known = {id(layer) for layer in layers.values()}

    def note(layer: nn.Module, args: Any) -> None:
        if id(layer) in known and torch.is_grad_enabled():
            watched.note(layer, args)
            if id(layer) not in watched.sites:
                frame = sys._getframe(1)  # pyright: ignore[reportPrivateUsage]
                watched.sites[id(layer)] = bench.observer.lines.site(frame)

    handle = register_module_forward_pre_hook(note)
    try:
        for turn in range(TURNS):
            yield Turn(turn % max(1, len(bench.first.pool.entries)))
    finally:
        handle.remove()
    watched.fresh = fresh & {id(layer) for layer in layers.values() if is_fresh(layer)}
    bench.calm()
    for layer in layers.values():
        if not own or id(layer) not in watched.thin:
            layer.training = own
    seen = yield Turn(0)
    is_kept = all(layer.training == own for layer in layers.values())
    return seen.loss if is_kept and seen.loss is not None else math.nan


def is_fresh(layer: _BatchNorm) -> bool:
    """Whether its statistics are those that a new layer has."""
    mean, variance = layer.running_mean, layer.running_var
    return mean is not None and variance is not None and not bool(mean.any()) and bool((variance == 1).all())


def is_still(layer: _BatchNorm, watched: Watched) -> bool:
    """Whether nothing will ever move its statistics: momentum 0, or eval mode while it is trained itself."""
    modes = watched.modes.get(id(layer), set())
    if id(layer) not in watched.fresh or len(modes) != 1:
        return False
    learns = layer.weight is not None and layer.weight.requires_grad  # pyright: ignore[reportUnnecessaryComparison]
    return layer.momentum == 0 if True in modes else learns


def facts_of(
    bench: Bench, layers: dict[str, _BatchNorm], still: list[str], watched: Watched
) -> Generator[StillNormFact]:
    """One fact for those that are called in train mode, one for those in eval mode."""
    for training in (True, False):
        names = [name for name in still if watched.modes[id(layers[name])] == {training}]
        if names:
            site = watched.sites.get(id(layers[names[0]]), ())
            yield StillNormFact(
                tuple(names), len(layers), training, TURNS, watched.batch, watched.running,
                site or (bench.forward.site if bench.forward is not None else ()),
            )  # fmt: skip
