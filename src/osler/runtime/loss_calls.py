"""Read the arguments of a loss call: shapes, ranges, what made them, labels outside the classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import Node

from osler.model import BroadcastFact, IndexFact, LossCallFact, Site, is_stray
from osler.runtime.registry import plain

Arguments = Mapping[str, Any]

ELEMENTWISE = ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "poisson_nll_loss", "kl_div")
"""Losses that compare entry by entry and broadcast their arguments."""

WITH_RANGE = ("binary_cross_entropy", "binary_cross_entropy_with_logits", "kl_div")
"""Losses whose arguments must lie in a range."""

CLASSIFYING = ("cross_entropy", "nll_loss")
"""Losses whose target is a class id."""

PASSING = frozenset(
    [
        "view",
        "unsafeview",
        "reshapealias",
        "squeeze",
        "unsqueeze",
        "t",
        "transpose",
        "permute",
        "expand",
        "clone",
        "tocopy",
        "select",
        "slice",
        "alias",
        "asstrided",
        "contiguous",
        "movedim",
        "index",
        "gather",
        "narrow",
        "cat",
        "stack",
        "splitwithsizes",
        "split",
        "unbind",
    ]
)
"""Nodes of a graph that pass values on: what made their input made their output."""

DEEPEST = 8
"""Passing nodes between a loss and what made its input."""


def maker(tensor: Tensor) -> str:
    """What made the values of a tensor, as autograd calls it: ``sigmoid``, ``addmm``; empty for a leaf."""
    node = tensor.grad_fn
    for _ in range(DEEPEST):
        if node is None:
            return ""
        name = operation(node)
        if name not in PASSING:
            return name
        node = next((child for child, _ in node.next_functions if child is not None), None)
    return ""


def operation(node: Node) -> str:
    """The operation whose gradient a node computes, in lower case: ``sub``, ``logsoftmax``."""
    return node.name().partition("Backward")[0].lower()


def scores_and_target(given: Arguments) -> tuple[Tensor, Tensor] | None:
    """The two arguments that a loss compares; None if one of them is no ordinary tensor."""
    scores, target = given.get("input"), given.get("target")
    if not isinstance(scores, Tensor) or not isinstance(target, Tensor):
        return None
    return (scores, target) if plain(scores) and plain(target) else None


def described(function: str, site: Site, given: Arguments, step: int) -> LossCallFact | None:
    """What one call was given; None if these are no ordinary tensors."""
    pair = scores_and_target(given)
    if pair is None:
        return None
    scores, target = pair
    low, high = bounds(scores) if function in WITH_RANGE else (0.0, 0.0)
    target_low, target_high = bounds(target) if function in WITH_RANGE else (0.0, 0.0)
    reduction = given.get("reduction")
    old = given.get("size_average") is not None or given.get("reduce") is not None
    return LossCallFact(
        function=function,
        site=site,
        step=step,
        reduction=reduction if isinstance(reduction, str) and not old else "",
        input_shape=tuple(scores.shape),
        target_shape=tuple(target.shape),
        lowest=low,
        highest=high,
        target_lowest=target_low,
        target_highest=target_high,
        made_by=maker(scores),
        target_gradient=carried(target),
        input_gradient=scores.requires_grad,
        target_made_by=maker(target),
        target_is_log=bool(given.get("log_target")),
    )


def bounds(tensor: Tensor) -> tuple[float, float]:
    """Smallest and largest entry; NaN if one is."""
    if not tensor.numel():
        return 0.0, 0.0
    low, high = torch.stack(torch.aminmax(tensor.detach())).tolist()
    return float(low), float(high)


def carried(target: Tensor) -> str:
    """Whether a target carries a gradient: ``leaf``, ``graph`` or empty."""
    if not target.requires_grad or isinstance(target, torch.nn.Parameter):  # learned on purpose
        return ""
    return "graph" if target.grad_fn is not None else "leaf"


def joined(known: LossCallFact | None, new: LossCallFact) -> LossCallFact:
    """Two looks at one line as one fact."""
    if known is None:
        return new
    return replace(
        known,
        tests=known.tests + 1,
        lowest=min(known.lowest, new.lowest),
        highest=max(known.highest, new.highest),
        target_lowest=min(known.target_lowest, new.target_lowest),
        target_highest=max(known.target_highest, new.target_highest),
        made_by=known.made_by if known.made_by == new.made_by else "",
        made_at=new.made_at or known.made_at,
        labels_in_order=new.labels_in_order,
        order_chance=new.order_chance,
        target_gradient=known.target_gradient and new.target_gradient,
    )


def broadcast(function: str, site: Site, given: Arguments, step: int) -> BroadcastFact | None:
    """Whether the arguments of an elementwise loss were spread against each other by accident."""
    pair = scores_and_target(given) if function in ELEMENTWISE else None
    if pair is None:
        return None
    scores, target = pair
    left, right = tuple(scores.shape), tuple(target.shape)
    if left == right:
        return None
    try:
        result = tuple(torch.broadcast_shapes(left, right))
    except RuntimeError:
        return None
    return BroadcastFact(function, site, left, right, result, step) if is_stray(left, right, result) else None


def labels_outside(function: str, site: Site, given: Arguments, step: int) -> IndexFact | None:
    """Class ids outside 0 … C - 1, or of a type that cannot be class ids; None if all is well."""
    pair = scores_and_target(given) if function in CLASSIFYING else None
    if pair is None or not pair[0].dim():
        return None
    scores, target = pair
    classes = int(scores.shape[min(1, scores.dim() - 1)])
    if target.shape == scores.shape and target.is_floating_point():
        return None  # probabilities of the classes
    if target.dtype != torch.int64 and (target.dtype != torch.uint8 or function == "cross_entropy"):
        kind = str(target.dtype).removeprefix("torch.")
        return IndexFact(function, site, classes, count=target.numel(), kind=kind, step=step)
    ignored = given.get("ignore_index")
    return outside(function, site, target, classes, ignored if isinstance(ignored, int) else None, step)


def outside(
    function: str, site: Site, indices: Tensor, size: int, ignored: int | None, step: int
) -> IndexFact | None:
    """The indices that point outside a table; None if there are none."""
    indices = indices.detach()
    if not indices.numel():
        return None
    wrong = (indices < 0) | (indices >= size)
    if ignored is not None:
        wrong &= indices != ignored
    found = wrong.nonzero()
    if not len(found):
        return None
    position: tuple[int, ...] = tuple(found[0].tolist())
    return IndexFact(
        function=function,
        site=site,
        size=size,
        outside=len(found),
        count=indices.numel(),
        value=int(indices[position]),
        position=position,
        lowest=int(indices.min()),
        highest=int(indices.max()),
        ignored=ignored,
        step=step,
    )
