"""BatchNorm calls on the way to a loss that use statistics which nobody has ever updated."""

# pyright: reportPrivateUsage=false

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor, nn
from torch.autograd.graph import Node
from torch.nn.parameter import is_lazy

from osler.model import IdleNormFact, Site
from osler.runtime.registry import Registry

LARGEST = 20_000
"""Nodes after which the walk stops."""

NAME = "BatchNorm"
"""What the nodes of such calls have in their names."""


def idle_norms(root: Tensor, registry: Registry) -> list[Tensor]:
    """Running means of the calls behind a root that normalise by the mean 0 and variance 1 they began with.

    Layers in eval mode are left out: that is a mode, which is judged elsewhere.
    """
    resting = {
        layer.running_mean.data_ptr()
        for model in registry.models
        if (module := model.module()) is not None
        for layer in module.modules()
        if isinstance(layer, nn.modules.batchnorm._BatchNorm)
        and not layer.training
        and layer.running_mean is not None
        and not is_lazy(layer.running_mean)
    }
    found: list[Tensor] = []
    for node in nodes(root):
        if getattr(node, "_saved_training", True):
            continue
        mean, variance = getattr(node, "_saved_running_mean", None), getattr(node, "_saved_running_var", None)
        if not isinstance(mean, Tensor) or not isinstance(variance, Tensor) or mean.data_ptr() in resting:
            continue
        if not bool(mean.detach().any()) and bool((variance.detach() == 1).all()):
            found.append(mean)
    return found


def nodes(root: Tensor) -> Iterator[Node]:
    """Nodes of BatchNorm behind a root."""
    todo = [root.grad_fn] if root.grad_fn is not None else []
    seen = set(todo)
    while todo and len(seen) < LARGEST:
        node = todo.pop()
        if NAME in node.name():
            yield node
        for child, _ in node.next_functions:
            if child is not None and child not in seen:
                seen.add(child)
                todo.append(child)


def looked_at(
    known: IdleNormFact | None, backward: Site, found: list[Tensor], calls: list[tuple[Site, int]], step: int
) -> IdleNormFact:
    """One more look at the loss of a line.

    Args:
        known: what earlier looks told.
        backward: the line.
        found: running means that are still what they began with.
        calls: lines of calls of `batch_norm`, with the addresses of their running means, if this is known.
        step: optimizer steps finished before.
    """
    addresses = {mean.data_ptr() for mean in found}
    sites = tuple(dict.fromkeys(site for site, address in calls if address in addresses))
    first = known.first if known is not None else step
    looks = known.looks + 1 if known is not None else 1
    known_sites = known.sites if known is not None else ()
    return IdleNormFact(backward, sites or known_sites, len(addresses), looks, first, step)
