"""In which 16-bit format do gradients flow backward, and is the loss scaled for it?"""

# pyright: reportPrivateUsage=false

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import Node

from osler.model import PrecisionFact, Site
from osler.runtime.loss_calls import operation
from osler.runtime.loss_signs import number

LARGEST = 20_000
"""Nodes after which the walk stops."""

LONGEST = 8
"""Factors in a row between a root and the loss itself."""

HALF = {torch.float16: "float16", torch.bfloat16: "bfloat16"}


def precision(root: Tensor, site: Site, step: int) -> PrecisionFact | None:
    """The 16-bit formats behind a root; None if there are none."""
    if root.grad_fn is None:
        return None
    todo: list[Node] = [root.grad_fn]
    seen = set(todo)
    counts = dict.fromkeys(HALF.values(), 0)
    while todo and len(seen) < LARGEST:
        node = todo.pop()
        known: Any = node._input_metadata  # pyright: ignore
        for output in known:
            if output.dtype in HALF:
                counts[HALF[output.dtype]] += 1
        for child, _ in node.next_functions:
            if child is not None and child not in seen:
                seen.add(child)
                todo.append(child)
    if not any(counts.values()):
        return None
    return PrecisionFact(
        site, counts["float16"], counts["bfloat16"], len(seen), is_scaled(root.grad_fn), step
    )


def is_scaled(node: Node) -> bool:
    """Whether the loss is multiplied by more than 1, or by a number that is not known here."""
    factor = 1.0
    for _ in range(LONGEST):
        name = operation(node)
        if name not in {"mul", "div"}:
            break
        place = 0 if node.next_functions[0][0] is not None else 1
        other = number(getattr(node, "_saved_self" if place else "_saved_other", None))
        if not other or (name == "div" and place):
            return True
        factor = factor / other if name == "div" else factor * other
        below = node.next_functions[place][0]
        if below is None:
            break
        node = below
    return factor > 1
