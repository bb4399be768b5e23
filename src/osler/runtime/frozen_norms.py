"""Do the running statistics of frozen BatchNorm layers move? Looked at around a few calls of the model."""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import weakref
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parameter import is_lazy

from osler.model import FrozenNormFact, Run, Site
from osler.runtime.registry import Model

AT_FIRST = 4
"""Calls of each model in train mode that are looked at; later ones at powers of two."""


@dataclass(slots=True, eq=False)
class Watched:
    """A frozen layer and what it was at the first look.

    Attributes:
        layer: the layer.
        weights: copies of its weight and bias.
        version: of its count of batches, before the call that is under way.
    """

    layer: _BatchNorm
    weights: list[Tensor]
    version: int = 0


@dataclass(slots=True, eq=False)
class Calls:
    """What is known about one model.

    Attributes:
        count: calls in train mode.
        norms: frozen layers by name.
        changed: layers whose weights do change: a copy that follows another model, or frozen now and then.
    """

    count: int = 0
    norms: dict[str, Watched] = field(default_factory=dict[str, Watched])
    changed: set[str] = field(default_factory=set[str])


class FrozenNorms:
    """Compares the versions of the statistics before and after a call.

    Args:
        run: the evidence that grows.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._known: weakref.WeakKeyDictionary[nn.Module, Calls] = weakref.WeakKeyDictionary()

    def before(self, root: nn.Module) -> bool:
        """A model in train mode is about to be called; true if it is worth comparing afterwards."""
        calls = self._known.get(root)
        if calls is None:
            calls = self._known[root] = Calls()
        calls.count += 1
        if calls.count > AT_FIRST and calls.count & (calls.count - 1):
            return False
        found = dict(frozen(root))
        for name in calls.norms.keys() - found.keys():
            del calls.norms[name]
        for name, layer in found.items():
            watched = calls.norms.get(name)
            if watched is None or watched.layer is not layer:
                watched = calls.norms[name] = Watched(layer, [p.detach().clone() for p in layer.parameters()])
            elif not all(map(torch.equal, layer.parameters(), watched.weights)):
                calls.changed.add(name)
            count = layer.num_batches_tracked
            watched.version = count._version if count is not None else -1
        return bool(found)

    def after(self, root: nn.Module, model: Model, site: Site) -> None:
        """The call is over: which statistics did it move?"""
        calls, facts = self._known[root], self._run.frozen_norms
        for key in [k for k, f in facts.items() if f.model == model.name]:
            if facts[key].name not in calls.norms or facts[key].name in calls.changed:
                del facts[key]
        for name, watched in calls.norms.items():
            count = watched.layer.num_batches_tracked
            if name in calls.changed or count is None or watched.version < 0:
                continue
            step = self._run.steps
            key = f"{model.name}.{name}"
            known = facts.get(key) or FrozenNormFact(name, model.name, site, since=step)
            moved = known.moved + (count._version != watched.version)
            facts[key] = replace(known, looks=known.looks + 1, moved=moved, step=step)


def frozen(root: nn.Module) -> Iterator[tuple[str, _BatchNorm]]:
    """BatchNorm layers with running statistics that cannot learn and stand behind a layer that cannot either.

    Where only the BatchNorm is frozen, its statistics are meant to follow the layer that learns.
    """
    for prefix, parent in root.named_modules():
        ahead = True  # does the layer before learn? nothing is known about the first one
        for name, layer in parent.named_children():
            own = list(layer.parameters())
            still = bool(own) and not any(p.requires_grad or is_lazy(p) for p in own)
            if isinstance(layer, _BatchNorm):
                if still and not ahead and layer.track_running_stats:
                    yield (f"{prefix}.{name}" if prefix else name), layer
            elif own:
                ahead = not still
