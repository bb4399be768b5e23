"""Networks that follow another one: overwritten between two steps with its weights or a mean of both."""

from __future__ import annotations

import weakref
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import permutations

import torch
from torch import Tensor, nn

from osler.model import FollowFact, Run, Site
from osler.runtime.census import joined
from osler.runtime.copies import COPYABLE
from osler.runtime.registry import Registry, numbers_in, plain, shape_of

CLOSELY = 256
"""Steps that are looked at where that does not wait for a device; later ones at powers of two."""

FEWEST = 8
"""Numbers in the parameter that is compared: fewer may agree with a mean by chance."""

MOST = 4
"""Networks of one form; more are the layers of a stack."""

ROUNDING = 8
"""Roundings that a mean of two numbers may have gone through."""

FLOATS = (torch.float32, torch.float64)
CONTAINERS = (nn.ModuleList, nn.ModuleDict, nn.Sequential)


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """A model or a named part of one: where it is found, and a small parameter of it."""

    model: str
    part: str
    module: weakref.ref[nn.Module]
    probe: Tensor


class Following:
    """Compares small parameters of networks of one form before and after what happens between two steps.

    Args:
        run: the evidence that grows.
        registry: knows the models.

    Attributes:
        copies: possible followers and their leaders, with the follower's parameter after the latest step.
    """

    def __init__(self, run: Run, registry: Registry) -> None:
        self._run = run
        self._registry = registry
        self._steps = 0
        self._models = 0
        self._pairs: list[tuple[Network, Network]] = []
        self.copies: list[tuple[Network, Network, Tensor]] = []

    def is_due(self) -> bool:
        """An optimizer has stepped: is there anything to look at?"""
        self._steps += 1
        sparse = not self._steps & (self._steps - 1)
        return sparse or bool(self._pairs) or len(self._registry.models) != self._models

    def stepped(self) -> None:
        """Remember how possible followers are now."""
        sparse = not self._steps & (self._steps - 1)
        if sparse or len(self._registry.models) != self._models:
            self._models = len(self._registry.models)
            self._pairs = list(pairs(self._registry)) if self._models else []
        self.copies = [
            (one, other, one.probe.detach().clone())
            for one, other in self._pairs
            if sparse or (self._steps <= CLOSELY and one.probe.is_cpu)
        ]

    def arrived(self) -> None:
        """A backward is about to run: has one of them been overwritten since the step?"""
        copies, self.copies = self.copies, []
        for one, other, before in copies:
            share = mixed(before, one.probe.detach(), other.probe.detach())
            if share:
                self.note(one, other, share)

    def note(self, one: Network, other: Network, share: float, site: Site = ()) -> None:
        """One network was overwritten with another."""
        fact = FollowFact(one.model, one.part, other.model, other.part, share, 0, self._run.steps, site)
        key = f"{one.model}.{one.part} after {other.model}.{other.part}"
        known = self._run.follows.get(key, fact)
        self._run.follows[key] = replace(known, times=known.times + 1, share=share, site=known.site or site)

    def copied(self, module: nn.Module, source: nn.Module, site: Site) -> None:
        """The weights of one network were loaded into another one while training goes on."""
        found = {n.module(): n for n in networks(self._registry)}
        one, other = found.get(module), found.get(source)
        if one is not None and other is not None and one is not other and self._run.steps:
            self.note(one, other, 1.0, site)


def networks(registry: Registry, *, only_alike: bool = False) -> Iterator[Network]:
    """All root modules and their named parts down to the second level that have a parameter to compare.

    Args:
        registry: knows the models.
        only_alike: leave out those that are the only one of their class.
    """
    roots = [(model.name, root) for model in registry.models if (root := model.module()) is not None]
    found = [(name, *place) for name, root in roots for place in parts(root)]
    classes = Counter(type(module) for _, _, module in found)
    for name, part, module in found:
        if only_alike and classes[type(module)] == 1:
            continue
        probe = comparable(module)
        if probe is not None:
            yield Network(name, part, weakref.ref(module), probe)


def parts(root: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """A module and its named parts, the items of containers left out."""
    yield "", root
    for name, child in root.named_children():
        if not isinstance(root, CONTAINERS):
            yield name, child
        if not isinstance(child, CONTAINERS):
            yield from ((joined(name, n), grandchild) for n, grandchild in child.named_children())


def comparable(module: nn.Module) -> Tensor | None:
    """A parameter large enough to tell a mean from chance; a matrix, because a bias may stand still."""
    fit = [
        p
        for p in module.parameters()
        if FEWEST <= numbers_in(p) <= COPYABLE and plain(p) and p.dtype in FLOATS
    ]
    return max(fit, key=lambda p: (p.dim() > 1, -p.numel()), default=None)


def pairs(registry: Registry) -> Iterator[tuple[Network, Network]]:
    """Networks of one class with equal names and shapes of parameters; their parts are left out."""
    alike: dict[object, list[Network]] = {}
    for network in networks(registry, only_alike=True):
        module = network.module()
        if module is not None:
            form = (type(module), tuple((n, shape_of(p)) for n, p in module.named_parameters()))
            alike.setdefault(form, []).append(network)
    known: set[tuple[str, str, str, str]] = set()
    for group in sorted(alike.values(), key=lambda group: group[0].part.count(".") + bool(group[0].part)):
        for one, other in permutations(group, 2) if 1 < len(group) <= MOST else ():
            above = (one.model, one.part.rpartition(".")[0], other.model, other.part.rpartition(".")[0])
            if one.probe is not other.probe and (above not in known or not one.part):
                yield one, other
            known.add((one.model, one.part, other.model, other.part))


def mixed(before: Tensor, now: Tensor, leader: Tensor) -> float:
    """The share of the leader that was mixed in, 1 for a copy; 0 if nothing of the kind has happened."""
    if torch.equal(before, now) or torch.equal(before, leader):
        return 0.0
    if torch.equal(now, leader):
        return 1.0
    old, new, other = (t.double().flatten() for t in (before, now, leader))
    moved, way = new - old, other - old
    share = float(moved @ way / (way @ way))
    rounding = ROUNDING * torch.finfo(before.dtype).eps * float(torch.maximum(old.abs(), other.abs()).max())
    clear = float(moved.abs().max()) > ROUNDING * rounding
    straight = float((moved - share * way).abs().max()) <= rounding
    return share if clear and straight and 0 < share < 1 else 0.0
