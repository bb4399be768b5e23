"""Look at the targets of a loss: labels for each class, and what its other argument can never reach."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import Node

from osler.model import LAYERS, LabelRowsFact, ReachFact, Shape, Site
from osler.runtime.loss_calls import DEEPEST, PASSING, operation, scores_and_target
from osler.runtime.loss_inputs import CLASS_AXIS, MOST_ELEMENTS, rows_of

PROBABILITIES = (0.0, 1.0)
RANGES = {
    "sigmoid": PROBABILITIES,
    "hardsigmoid": PROBABILITIES,
    "softmax": PROBABILITIES,
    "tanh": (-1.0, 1.0),
    "relu": (0.0, math.inf),
    "softplus": (0.0, math.inf),
    "exp": (0.0, math.inf),
}
"""What the results of an operation cannot leave."""

DISTANCES = ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss")
"""Losses that are least where both arguments are equal; either may be the target."""

OF_PROBABILITIES = ("binary_cross_entropy", "binary_cross_entropy_with_logits")
"""Losses whose targets are probabilities, whatever made the other argument."""

FAR = 0.25
"""Share of the width of a range beyond which a target outside is no jitter: labels of 1.2 are in use."""

FLOOR = 0.1
"""Share of the mean square of targets, below which what a rectifier misses of them may be noise."""

JOINING = ("cat", "stack")
RESCALING = ("div", "mul", "add", "sub")
WHOLE = ("mean", "sum")
APART = ("weight", "reduce", "size_average")
"""Arguments by which entries may count differently, or stay apart."""


def label_rows(
    function: str, site: Site, given: Mapping[str, Any], step: int, entered: Iterable[Tensor]
) -> LabelRowsFact | None:
    """What the targets of one call hold for each class; None if they are no ordinary tensors.

    Args:
        function: name of the loss; only ``cross_entropy`` takes such targets.
        site: where it is called.
        given: its arguments; scores: (batch, classes, ...), target: the same, or (batch, ...).
        step: optimizer steps finished before.
        entered: what went into models of late.
    """
    pair = scores_and_target(given) if function == "cross_entropy" else None
    if pair is None or pair[0].dim() <= CLASS_AXIS:
        return None
    scores, target = pair
    fact = LabelRowsFact(function, site, step, classes=scores.shape[CLASS_AXIS])
    rows = rows_of(target) if target.shape == scores.shape else None
    if rows is None or not len(rows):
        return fact
    ones = (rows == 1).sum(1)
    figures = [((rows == 0).sum(1) + ones).amin(), ones.amin(), ones.amax(), (ones > 1).sum()]
    whole, fewest, most, several = torch.stack(figures).tolist()
    fact = replace(fact, rows=len(rows))
    if whole < rows.shape[1]:
        return fact
    return replace(
        fact,
        several=several,
        fewest=fewest,
        most=most,
        of_layer=is_layer(scores.grad_fn, fact.classes),
        entered=any(is_same(target, tensor) for tensor in entered),
    )


def labels_together(known: LabelRowsFact | None, new: LabelRowsFact) -> LabelRowsFact:
    """Two looks at one line as one fact."""
    if known is None:
        return new
    binary = bool(known.most and new.most)
    return replace(
        known,
        tests=known.tests + 1,
        classes=max(known.classes, new.classes),
        rows=known.rows + new.rows,
        several=known.several + new.several,
        fewest=min(known.fewest, new.fewest) if binary else 0,
        most=max(known.most, new.most) if binary else 0,
        of_layer=known.of_layer and new.of_layer,
        entered=known.entered or new.entered,
    )


def is_same(target: Tensor, tensor: Tensor) -> bool:
    """Whether a target is what a model was given."""
    if target.shape != tensor.shape or target.device != tensor.device:
        return False
    return target.data_ptr() == tensor.data_ptr() or torch.equal(target, tensor.to(target.dtype))


def is_layer(node: Node | None, classes: int) -> bool:
    """Whether scores are put out by a layer that has a column for each class, and at most scaled afterwards.

    A product of two tensors that were both computed is none: it compares samples with each other.
    """
    for _ in range(DEEPEST):
        if node is None:
            return False
        name = operation(node)
        children = [child for child, _ in node.next_functions if child is not None]
        if name in LAYERS or name == "mm":
            axis = CLASS_AXIS if "convolution" in name else -1
            width = width_of(node, axis)
            return width in (0, classes) and (name != "mm" or sum(map(is_weight, children)) == 1)
        if name not in PASSING and (name not in RESCALING or len(children) != 1):
            return False
        node = children[0] if children else None
    return False


def width_of(node: Node, axis: int) -> int:
    """Length of an axis of what an operation returned; 0 if this torch does not tell."""
    described: tuple[Any, ...] = getattr(node, "_input_metadata", ())
    shape: Shape = tuple(getattr(described[0], "shape", ())) if described else ()
    return int(shape[axis]) if len(shape) > CLASS_AXIS else 0


def is_weight(node: Node | None) -> bool:
    """Whether a node leads to a leaf and does no more than change its shape."""
    for _ in range(DEEPEST):
        if node is None:
            return False
        if "AccumulateGrad" in node.name():
            return True
        if operation(node) not in PASSING:
            return False
        node = next((child for child, _ in node.next_functions if child is not None), None)
    return False


def reach(function: str, site: Site, given: Mapping[str, Any], step: int) -> ReachFact | None:
    """How many targets of one call lie outside of what they are compared with; None if nothing limits it.

    Entries with weights of their own are left out: what lies outside may count for nothing.

    Args:
        function: name of the loss.
        site: where it is called.
        given: its arguments; input and target of any one shape.
        step: optimizer steps finished before.
    """
    pair = scores_and_target(given) if function in (*DISTANCES, *OF_PROBABILITIES) else None
    if pair is None or given.get("reduction") not in WHOLE:
        return None
    if any(given.get(name) is not None for name in APART):
        return None
    scores, target = pair
    if function in DISTANCES and target.requires_grad and not scores.requires_grad:
        scores, target = target, scores
    made_by = activation(scores.grad_fn) if function in DISTANCES else ""
    limits = RANGES.get(made_by) if made_by else PROBABILITIES if function in OF_PROBABILITIES else None
    if limits is None or target.requires_grad or target.is_complex() or not target.numel():
        return None
    fact = ReachFact(function, site, step, made_by=made_by, low=limits[0], high=limits[1])
    return measured(fact, target.detach())


def measured(fact: ReachFact, target: Tensor) -> ReachFact | None:
    """The fact with the numbers of these targets; None if they are not finite."""
    rows = max(1, MOST_ELEMENTS * len(target) // target.numel()) if target.dim() else 1
    some = (target[:rows] if target.dim() else target).reshape(-1)[:MOST_ELEMENTS].float()
    width, size = fact.high - fact.low, some.square().mean().sqrt()
    margin = FAR * (size if math.isinf(width) else torch.full_like(size, width))
    beyond = torch.maximum(fact.low - some, some - fact.high)
    missed = beyond.clamp(min=0).square().mean() - FLOOR * size.square()
    counts = [(beyond > 0).sum(), (beyond > margin).sum()]
    figures = torch.stack([*torch.aminmax(some), *counts, missed]).tolist()
    if not all(map(math.isfinite, figures)):
        return None
    low, high, outside, far, missed = figures
    if math.isinf(width) and missed < 0:  # a positive quantity with noise, which no output is to follow
        far = 0
    return replace(
        fact,
        targets=some.numel(),
        outside=int(outside),
        far=int(far),
        lately=far / some.numel(),
        lowest=low,
        highest=high,
    )


def reaches_together(known: ReachFact | None, new: ReachFact) -> ReachFact:
    """Two looks at one line as one fact; the widest range if the operation changes."""
    if known is None:
        return new
    return replace(
        known,
        tests=known.tests + 1,
        made_by=known.made_by if known.made_by == new.made_by else "",
        made_at=known.made_at or new.made_at,
        low=min(known.low, new.low),
        high=max(known.high, new.high),
        targets=known.targets + new.targets,
        outside=known.outside + new.outside,
        far=known.far + new.far,
        lately=(known.lately + new.lately) / 2,
        lowest=min(known.lowest, new.lowest),
        highest=max(known.highest, new.highest),
    )


def activation(node: Node | None, deepest: int = DEEPEST) -> str:
    """The operation whose results a tensor holds, and nothing else; empty if there are several or none.

    Parts that were joined count only if one and the same operation made them all.
    """
    if node is None or not deepest:
        return ""
    name = operation(node)
    if name not in PASSING:
        return name
    children = [child for child, _ in node.next_functions]
    if name not in JOINING:
        return activation(next((c for c in children if c is not None), None), deepest - 1)
    made = {activation(child, deepest - 1) for child in children}
    return made.pop() if len(made) == 1 else ""
