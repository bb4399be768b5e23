"""With which sign do loss functions enter what a backward starts from?"""

from __future__ import annotations

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

Signs = dict[int, tuple[str, ...]]


def signs(root: Tensor) -> Signs:
    """Loss functions behind a root that grow with it, under 1, and those that fall when it grows, under -1.

    A branch ends where the sign of a factor cannot be told.
    """
    found: dict[int, dict[str, None]] = {1: {}, -1: {}}
    todo: list[tuple[Node, int]] = [(root.grad_fn, 1)] if root.grad_fn is not None else []
    for count, (node, sign) in enumerate(todo):  # grows while it is walked
        if count == LARGEST:
            break
        name = operation(node)
        if name in LOSSES:
            found[sign][spelled(node, name)] = None
            continue
        for position, (child, _) in enumerate(node.next_functions):
            factor = factor_of(node, name, position)
            if child is not None and factor:
                todo.append((child, sign * factor))
    return {sign: tuple(names) for sign, names in found.items()}


def factor_of(node: Node, name: str, position: int) -> int:
    """Sign with which an operand enters the result: 1, -1, or 0 if it cannot be told."""
    if name in {"mul", "div"}:
        return sign_of(saved(node, "_saved_other" if position == 0 else "_saved_self"))
    if name in {"sub", "rsub"}:
        return 1 if bool(position) == (name == "rsub") else -1
    return 1 if name in LINEAR else -1 if name == "neg" else 0


def saved(node: Node, name: str) -> Any:
    """What a node has saved; None if a backward has freed it: the script is about to hear of that."""
    try:
        return getattr(node, name, None)
    except RuntimeError:
        return None


def sign_of(factor: Any) -> int:
    """Sign of a number on the CPU; 0 if it is none."""
    if not isinstance(factor, Tensor) or factor.numel() != 1 or not factor.is_cpu or factor.requires_grad:
        return 0
    value = factor.item()
    return (value > 0) - (value < 0)


def spelled(node: Node, name: str) -> str:
    """The function as the user called it: `cross_entropy` ends in the node of `nll_loss`."""
    child = next((c for c, _ in node.next_functions if c is not None), None)
    if LOSSES[name] == "nll_loss" and child is not None and operation(child) == "logsoftmax":
        return "cross_entropy"
    return LOSSES[name]
