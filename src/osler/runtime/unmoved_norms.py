"""Networks called in eval mode whose weights have learned while their BatchNorm statistics stayed."""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import math
import weakref
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parameter import is_lazy

from osler.model import Run, Site, UnmovedNormFact
from osler.runtime.following import Network, pairs
from osler.runtime.registry import Model, Registry, plain

AT_FIRST = 4
"""Calls of each model in each mode, with steps between, that are looked at; later ones at powers of two."""

NEAR = 0.5
"""Distance of two weights, relative to one of them, below which one follows the other; independent: 1.4."""

ALIKE = 0.9
"""Cosine between the shifts of two networks above which one was copied from the other."""

FEWEST = 16
"""Channels below which two shifts may resemble each other by chance."""

BOTH = 2
"""Running statistics of a layer."""

Layers = dict[str, _BatchNorm]


@dataclass(slots=True, eq=False)
class Seen:
    """A network at the first look.

    Attributes:
        step: optimizer steps finished.
        probe: a copy of one of its weights.
        statistics: copies of the running mean and variance by layer.
        moved: layers whose statistics have changed since.
        keys: of the facts about it.
    """

    step: int
    probe: Tensor
    statistics: dict[str, tuple[Tensor, Tensor]]
    moved: set[str] = field(default_factory=set[str])
    keys: set[str] = field(default_factory=set[str])


class UnmovedNorms:
    """Compares the running statistics of a network at calls in eval mode.

    Args:
        run: the evidence that grows.
        registry: knows the models.
    """

    def __init__(self, run: Run, registry: Registry) -> None:
        self._run = run
        self._registry = registry
        self._calls: dict[tuple[Model, str], tuple[int, int]] = {}
        self._seen: weakref.WeakKeyDictionary[nn.Module, Seen] = weakref.WeakKeyDictionary()

    def is_due(self, model: Model, mode: str) -> bool:
        """A model was called: are there new steps since the last look at it in this mode, and is it due?"""
        if not model.has_norms:
            return False
        step = self._run.steps
        count, latest = self._calls.get((model, mode), (0, -1))
        if latest == step:
            return False
        count += 1
        self._calls[model, mode] = (count, step)
        return count <= AT_FIRST or not count & (count - 1)

    def called(self, model: Model, site: Site) -> None:
        """Look at the statistics of what was called."""
        for one, other in pairs(self._registry):
            if one.model == model.name:
                self.compare(model, one, other, site)
        self.look(model, site)

    def compare(self, model: Model, one: Network, other: Network, site: Site) -> None:
        """One of two networks of the same form was called: does it follow the other in its weights alone?"""
        mine, theirs = one.module(), other.module()
        if mine is None or theirs is None or shares_weights(mine, theirs):
            return
        layers, others, facts = resting(mine, model.seen), dict(norms(theirs)), self._run.unmoved_norms
        if not layers:
            return
        seen = self.since(mine, one, layers)
        key = f"{one.model}.{one.part} after {other.model}.{other.part}"
        seen.keys.add(key)
        still = {name: layer for name, layer in layers.items() if name in others and name not in seen.moved}
        learned = not same(seen.probe, one.probe) or were_copied(still, others)
        if not still or not learned or not near(one.probe, other.probe):
            facts.pop(key, None)
            return
        fact = UnmovedNormFact(one.model, one.part, other.model, other.part, site, tuple(still))
        fresh = all(map(is_fresh, still.values()))
        furthest = against(fact, still, others)
        facts[key] = replace(furthest, fresh=fresh, first=seen.step, step=self._run.steps)

    def since(self, module: nn.Module, network: Network, layers: Layers) -> Seen:
        """What the network was at the first look, with the layers that have moved since."""
        seen = self._seen.get(module)
        if seen is None:
            probe = network.probe.detach().clone()
            seen = self._seen[module] = Seen(self._run.steps, probe, {n: taken(b) for n, b in layers.items()})
        for name, layer in layers.items():
            if name not in seen.statistics or not stays(layer, seen.statistics[name]):
                seen.moved.add(name)
        return seen

    def finish(self) -> None:
        """The program is over: forget what was brought up to date after the last look."""
        for module, seen in list(self._seen.items()):
            layers = dict(norms(module))
            if any(n in layers and not stays(layers[n], seen.statistics[n]) for n in seen.statistics):
                for key in seen.keys:
                    self._run.unmoved_norms.pop(key, None)

    def look(self, model: Model, site: Site) -> None:
        """A model was called: have calls in train mode left statistics as they were built?"""
        module, facts = model.module(), self._run.unmoved_norms
        layers = dict(norms(module)) if module is not None else {}
        idle = {n: b for n, b in layers.items() if b.momentum == 0 and batches(b) > 0 and is_fresh(b)}
        still = {n: b for n, b in idle.items() if not b.training and id(b) in model.seen}
        known = facts.get(model.name)
        if known is not None and not set(known.names) <= idle.keys():
            del facts[model.name]
        elif still:
            step, names = self._run.steps, tuple(still)
            fact = known or UnmovedNormFact(model.name, "", "", "", site, names, fresh=True, first=step)
            most = max(map(batches, still.values()))
            facts[model.name] = replace(fact, names=names, step=step, batches=most)


def against(fact: UnmovedNormFact, layers: Layers, others: Layers) -> UnmovedNormFact:
    """The fact with the layer whose statistics are furthest from the other's."""
    distances = {name: apart(layer, others[name]) for name, layer in layers.items()}
    worst = max(distances, key=lambda name: max(distances[name]))
    return replace(
        fact,
        layer=worst,
        variance=average(layers[worst].running_var),
        leader_variance=average(others[worst].running_var),
        shift=distances[worst][0],
        factor=math.exp(distances[worst][1]),
    )


def norms(root: nn.Module) -> Iterator[tuple[str, _BatchNorm]]:
    """BatchNorm layers of torch with running statistics that can be read."""
    for name, layer in root.named_modules():
        if isinstance(layer, _BatchNorm) and type(layer).__module__.startswith("torch."):
            statistics = [t for t in (layer.running_mean, layer.running_var) if t is not None]
            if len(statistics) == BOTH and all(plain(t) and not is_lazy(t) for t in statistics):
                yield name, layer


def resting(root: nn.Module, called: set[int]) -> Layers:
    """Those that are in eval mode and were called."""
    return {n: layer for n, layer in norms(root) if not layer.training and id(layer) in called}


def taken(layer: _BatchNorm) -> tuple[Tensor, Tensor]:
    """Copies of the running statistics."""
    assert layer.running_mean is not None
    assert layer.running_var is not None
    return layer.running_mean.detach().clone(), layer.running_var.detach().clone()


def stays(layer: _BatchNorm, before: tuple[Tensor, Tensor]) -> bool:
    """Whether not one bit of the running statistics has changed."""
    return all(map(same, taken(layer), before))


def same(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors agree in every bit, wherever they lie."""
    return one.shape == other.shape and torch.equal(one, other.to(one))


def batches(layer: _BatchNorm) -> int:
    """Calls in train mode."""
    return int(layer.num_batches_tracked) if layer.num_batches_tracked is not None else 0


def is_fresh(layer: _BatchNorm) -> bool:
    """Whether the statistics are the mean 0 and variance 1 of construction."""
    mean, variance = taken(layer)
    return not bool(mean.any()) and bool((variance == 1).all())


def average(statistic: Tensor | None) -> float:
    """Mean over the channels."""
    return float(statistic.detach().mean()) if statistic is not None else math.nan


def shares_weights(one: nn.Module, other: nn.Module) -> bool:
    """Whether both use the same memory: two sets of statistics may then belong to one set of weights."""
    own, others = (
        {p.data_ptr() for p in m.parameters() if plain(p) and not is_lazy(p)} for m in (one, other)
    )
    return bool((own & others) - {0})


def were_copied(layers: Layers, others: Layers) -> bool:
    """Whether layers that never saw a batch have shifts that another network has learned.

    A shift begins with zeros: what resembles the other's has been given to it.
    """
    fresh = {n: b for n, b in layers.items() if not batches(b) and b.affine and others[n].affine}
    if not fresh or not all(map(is_fresh, fresh.values())):
        return False
    mine = torch.cat([b.bias.detach().double().flatten() for b in fresh.values()])
    theirs = torch.cat([others[n].bias.detach().double().flatten() for n in fresh]).to(mine.device)
    size = float(mine.norm() * theirs.norm())
    return len(mine) >= FEWEST and size > 0 and float(mine @ theirs) > ALIKE * size


def near(one: Tensor, other: Tensor) -> bool:
    """Whether two weights are closer than those of networks that learned on their own."""
    mine, theirs = one.detach().double(), other.detach().double().to(one.device)
    return float((mine - theirs).norm()) < NEAR * float(theirs.norm())


def apart(layer: _BatchNorm, other: _BatchNorm) -> tuple[float, float]:
    """How far the statistics of two layers are from each other.

    Returns:
        The distance of the means in standard deviations of the other, root mean square over the channels;
        the mean absolute logarithm of the ratio of the variances.
    """
    (mean, variance), (aim, spread) = taken(layer), (t.to(layer.running_mean) for t in taken(other))
    shift = (mean - aim).square() / (spread + layer.eps)
    ratio = ((variance + layer.eps) / (spread + layer.eps)).log().abs()
    return float(shift.mean().sqrt()), float(ratio.mean())
