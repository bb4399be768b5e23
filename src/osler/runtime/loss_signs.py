"""With which sign and factor do loss functions enter what a backward starts from?"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isfinite
from typing import Any

from torch import Tensor
from torch.autograd.graph import Node

from osler.runtime.loss_calls import PASSING, operation

LARGEST = 64
"""Nodes after which the walk stops."""

LOSSES = {
    "nllloss": "nll_loss",
    "nllloss2d": "nll_loss",
    "nllloss2": "nll_loss",
    "mseloss": "mse_loss",
    "smoothl1loss": "smooth_l1_loss",
    "huberloss": "huber_loss",
    "binarycrossentropy": "binary_cross_entropy",
    "binarycrossentropywithlogits": "binary_cross_entropy_with_logits",
}
"""Nodes of functions that are meant to become small, with their names."""

LINEAR = frozenset(("mean", "sum", "add", *PASSING))
"""Nodes that keep the sign."""

MEAN = 1
"""How autograd keeps `reduction="mean"`."""


@dataclass(slots=True)
class Terms:
    """Loss functions behind a root.

    Attributes:
        rising: those that grow with the root.
        falling: those that fall when the root grows.
        averages: those that average over their samples once, with the factor before them.
    """

    rising: dict[str, None] = field(default_factory=dict[str, None])
    falling: dict[str, None] = field(default_factory=dict[str, None])
    averages: list[tuple[str, float]] = field(default_factory=list[tuple[str, float]])


def terms(root: Tensor) -> Terms:
    """The loss functions that enter a root. A branch ends where a factor cannot be told."""
    found = Terms()
    todo: list[tuple[Node, float, int]] = [(root.grad_fn, 1.0, 0)] if root.grad_fn is not None else []
    for count, (node, factor, means) in enumerate(todo):  # grows while it is walked
        if count == LARGEST:
            break
        name = operation(node)
        if name in LOSSES:
            loss = spelled(node, name)
            if not is_between_two(node):
                (found.rising if factor > 0 else found.falling)[loss] = None
            if means + (saved(node, "_saved_reduction") == MEAN) == 1:
                weighted = saved(node, "_saved_weight") is not None
                found.averages.append((f"{loss}, weighted" if weighted else loss, factor))
            continue
        for position, (child, _) in enumerate(node.next_functions):
            own = factor_of(node, name, position)
            if child is not None and own:
                todo.append((child, factor * own, means + (name == "mean")))
    return found


def is_between_two(node: Node) -> bool:
    """Whether its target carries a gradient too: an entropy or a distance, which may well be made larger."""
    return sum(child is not None for child, _ in node.next_functions) > 1


def factor_of(node: Node, name: str, position: int) -> float:
    """Factor with which an operand enters the result, as far as it is one for all; 0 if it cannot be told."""
    if name == "mul":
        return number(saved(node, "_saved_self" if position else "_saved_other"))
    if name == "div":
        other = 0.0 if position else number(saved(node, "_saved_other"))
        return 1 / other if other else 0.0
    if name in {"sub", "rsub"}:
        return 1.0 if bool(position) == (name == "rsub") else -1.0
    return 1.0 if name in LINEAR else -1.0 if name == "neg" else 0.0


def saved(node: Node, name: str) -> Any:
    """What a node has saved; None if a backward has freed it: the script is about to hear of that."""
    try:
        return getattr(node, name, None)
    except RuntimeError:
        return None


def number(factor: Any) -> float:
    """A finite number on the CPU; 0 if it is none."""
    if not isinstance(factor, Tensor) or factor.numel() != 1 or not factor.is_cpu or factor.requires_grad:
        return 0.0
    value = float(factor.item())
    return value if isfinite(value) else 0.0  # what is not a number has no sign


def spelled(node: Node, name: str) -> str:
    """The function as the user called it: `cross_entropy` ends in the node of `nll_loss`."""
    child = next((c for c, _ in node.next_functions if c is not None), None)
    if LOSSES[name] == "nll_loss" and child is not None and operation(child) == "logsoftmax":
        return "cross_entropy"
    return LOSSES[name]
