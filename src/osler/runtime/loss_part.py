"""Walk the part of a graph that computes the loss: from its root down to what the layers return."""

# pyright: reportPrivateUsage=false

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import Tensor
from torch.autograd.graph import Node

from osler.model import BroadcastFact, Site, UnderflowFact, size_of, without_ones
from osler.runtime.closelook import CloseLook
from osler.runtime.loss_calls import PASSING, operation

LARGEST = 256
"""Nodes after which the walk stops: a loss written by hand has a few dozen."""

BINARY = frozenset(("sub", "rsub", "add", "mul", "div", "maximum", "minimum"))

ENTRY_BY_ENTRY = frozenset(
    [
        "mean",
        "sum",
        "pow",
        "abs",
        "neg",
        "exp",
        "log",
        "log1p",
        "sqrt",
        "square",
        "clamp",
        "clampmin",
        "clampmax",
        "relu",
        "softplus",
        "where",
        "sigmoid",
        "logsigmoid",
        "huberloss",
        "smoothl1loss",
        "mseloss",
        "nllloss",
        "nllloss2d",
        "binarycrossentropy",
        "binarycrossentropywithlogits",
        "addcmul",
        "addcdiv",
        "maskedselect",
        "maskedfill",
        "reciprocal",
        "tanh",
    ]
)
"""Nodes through which the walk goes on; it ends at everything else, such as a layer."""

WALKED = BINARY | ENTRY_BY_ENTRY | PASSING


def nodes(root: Tensor) -> Iterator[tuple[str, Node]]:
    """Nodes of the loss with their operations. Cost: about 1 µs each."""
    todo = [root.grad_fn] if root.grad_fn is not None else []
    seen = set(todo)
    while todo and len(seen) < LARGEST:
        node = todo.pop()
        name = operation(node)
        if name not in WALKED:
            continue
        yield name, node
        for child, _ in node.next_functions:
            if child is not None and child not in seen:
                seen.add(child)
                todo.append(child)


def spreads(name: str, node: Node) -> bool:
    """Whether an operation returned more entries than an operand has, along axes of the same length."""
    if name not in BINARY:
        return False
    result = shape_of(node, 0)
    operands = [shape_of(child, number) for child, number in node.next_functions if child is not None]
    return any(grown(operand, result) for operand in operands)


def grown(operand: tuple[int, ...], result: tuple[int, ...]) -> bool:
    """Whether a result has more entries than an operand but no axis of another length."""
    lengths = set(without_ones(operand))
    return bool(lengths) and size_of(result) > size_of(operand) and set(without_ones(result)) <= lengths


def shape_of(node: Node, number: int) -> tuple[int, ...]:
    """Shape of an output of the operation that a node belongs to."""
    known: Any = node._input_metadata  # pyright: ignore
    return tuple(known[number].shape) if number < len(known) else ()


def takes_log_of_softmax(name: str, node: Node) -> bool:
    """Whether the node is a logarithm whose argument a softmax made."""
    if name != "log":
        return False
    below = node
    while True:
        following = next((child for child, _ in below.next_functions if child is not None), None)
        if following is None:
            return False
        if operation(following) not in PASSING:
            return operation(following) == "softmax"
        below = following


def suspicious(root: Tensor) -> bool:
    """Whether the loss deserves a close look."""
    return any(spreads(name, node) or takes_log_of_softmax(name, node) for name, node in nodes(root))


def spread_behind(root: Tensor, look: CloseLook, step: int) -> list[BroadcastFact]:
    """Operations of the loss whose operands were spread by accident, as a close look saw them."""
    results = {shape_of(node, 0) for name, node in nodes(root) if spreads(name, node)}
    return [
        BroadcastFact(verb, site, left, right, result, step)
        for verb, site, left, right, result in look.spread
        if result in results
    ]


def logs_behind(root: Tensor, look: CloseLook, backward: Site, step: int) -> list[UnderflowFact]:
    """Logarithms of a softmax in the loss, as a close look saw them."""
    if not any(takes_log_of_softmax(name, node) for name, node in nodes(root)):
        return []
    return [UnderflowFact(site, made_at, backward, step) for site, made_at in look.logs]
