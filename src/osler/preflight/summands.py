"""Read the graph behind a loss as a sum: its terms, what each compares, and divergences of codes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.graph import GradientEdge, Node

Edge = tuple[Node, int]

ADDING = ("AddBackward0", "SubBackward0", "RsubBackward1")
SCALING = ("MulBackward0", "DivBackward0")
PASSING = ("NegBackward0", "ToCopyBackward0", "ViewBackward0", "SqueezeBackward0", "UnsqueezeBackward0")
REDUCING = ("MeanBackward0", "MeanBackward1", "SumBackward0", "SumBackward1")
STACKING = "StackBackward0"
WITHIN = "MulBackward1"
"""A multiplication that torch writes inside one of its own functions, as for the smoothing of labels: what is
added there is one term."""

MOST_ADDED = 4_000
"""Additions after which a sum is no longer taken apart."""

ALIKE = 1e-4
"""Relative difference of gradients up to which every element has the same."""

FEWEST = 8
"""Samples below which a batch does not tell how much its targets differ."""

FUNCTIONS = {
    "MseLossBackward0": F.mse_loss,
    "SmoothL1LossBackward0": F.smooth_l1_loss,
    "HuberLossBackward0": F.huber_loss,
    "BinaryCrossEntropyBackward0": F.binary_cross_entropy,
    "BinaryCrossEntropyWithLogitsBackward0": F.binary_cross_entropy_with_logits,
    "NllLossBackward0": F.nll_loss,
    "NllLoss2DBackward0": F.nll_loss,
}
"""Losses that keep what they compare in their nodes."""

SQUARED, BINARY = "MseLossBackward0", "BinaryCrossEntropy"


@dataclass(frozen=True, slots=True)
class Compared:
    """How well a loss function does, in means over elements.

    Attributes:
        value: now.
        guess: with one best answer for all samples of the batch.
        floor: with right answers.
    """

    value: float
    guess: float
    floor: float


@dataclass(frozen=True, slots=True)
class Price:
    """What a code gains at most and what a nat of it costs, in units of the loss; see `CodePriceFact`."""

    gain: float
    price: float
    elements: int
    reconstruction: Node
    divergence: Node


def behind(node: Node) -> list[Edge]:
    """What an operation passes gradients on to."""
    return [(child, at) for child, at in node.next_functions if child is not None]


def summands(start: Edge, *, whole: bool = True) -> list[Edge]:
    """The terms of a sum, each once, without constant factors.

    Args:
        start: the sum.
        whole: it is the loss; otherwise a part of it with an entry for each sample.
    """
    todo, found, steps = [start], dict[Edge, None](), 0
    while todo:
        edge = todo.pop()
        following, steps = behind(edge[0]), steps + 1
        if steps > MOST_ADDED:
            return [start]
        if is_linear(edge[0], following) or (not whole and edge[0].name() == STACKING):
            todo += reversed(following)
        elif whole and edge[0].name() in REDUCING and (inner := for_each_sample(following)):
            found |= dict.fromkeys(inner)
        else:
            found[edge] = None
    return list(found)


def is_linear(node: Node, following: list[Edge]) -> bool:
    """Whether a node adds, or multiplies by what has no gradient."""
    name = node.name()
    if name in ADDING:
        return bool(following) and all(child.name() != WITHIN for child, _ in following)
    return len(following) == 1 and (name in SCALING or name in PASSING)


def for_each_sample(following: list[Edge]) -> list[Edge]:
    """Terms that are added before they are averaged over samples; none if it is a single one."""
    inner = summands(following[0], whole=False) if len(following) == 1 else []
    is_sum = len(inner) > 1 and all(n.name() in REDUCING or n.name() in FUNCTIONS for n, _ in inner)
    return inner if is_sum else []


def core(edge: Edge) -> Edge:
    """What a term averages or adds up, without constant factors."""
    while True:
        following = behind(edge[0])
        if len(following) != 1 or not (edge[0].name() in REDUCING or is_linear(edge[0], following)):
            return edge
        edge = following[0]


def compared(node: Node) -> Compared | None:
    """What a loss function of torch says of the batch; None for others, and where all targets are alike."""
    saved: Any = node
    function = FUNCTIONS.get(node.name())
    weighted = getattr(node, "_saved_weight", None) is not None
    if function is None or weighted or getattr(node, "_saved_pos_weight", None) is not None:
        return None
    scores, target = saved._saved_self.detach(), saved._saved_target.detach()
    if len(behind(node)) != 1 or not target.dim() or len(target) < FEWEST:
        return None
    with torch.no_grad():
        if function is F.nll_loss:
            found = of_classes(scores, target, saved._saved_ignore_index)
        else:
            found = of_numbers(node.name(), function, scores.double(), target.double())
    return found if found is not None and found.guess > found.floor else None


def of_classes(scores: Tensor, target: Tensor, ignored: int) -> Compared | None:
    """For log-probabilities (batch, classes, ...) and class ids (batch, ...).

    Args:
        scores: the log-probabilities.
        target: the ids.
        ignored: id that does not count, as the node keeps it: without a sign.
    """
    ignored = ignored - (1 << 64) if ignored >= 1 << 63 else ignored
    ids = target[(target >= 0) & (target != ignored)]
    if not ids.numel():
        return None
    p = ids.unique(return_counts=True)[1].double() / ids.numel()
    return Compared(float(F.nll_loss(scores, target, ignore_index=ignored)), float(-p.xlogy(p).sum()), 0.0)


def of_numbers(name: str, function: Any, scores: Tensor, target: Tensor) -> Compared:
    """For numbers (batch, ...) and targets of the same shape."""
    same = target.mean(0, keepdim=True).expand_as(target)
    if not name.startswith(BINARY):
        return Compared(float(function(scores, target)), float(function(same, target)), 0.0)
    least = F.binary_cross_entropy(target.clamp(0, 1), target.clamp(0, 1))
    guess = F.binary_cross_entropy(same.clamp(0, 1), target.clamp(0, 1))
    return Compared(float(function(scores, target)), float(guess), float(least))


def price_of_code(root: Tensor, terms: list[Edge]) -> Price | None:
    """Read a loss that is one reconstruction and one divergence of a normal code from the standard normal.

    The divergence is known by its formula, for each entry of the code ``(mu² + exp(v) - v - 1) / 2``, or
    ``(mu² + w - log(w) - 1) / 2``, of which one part tells what a nat weighs.
    """
    cores = [core(edge) for edge in terms]
    found = [(at, node) for at, edge in enumerate(cores) if (node := told_by(edge)) is not None]
    if len(terms) != 2 or len(found) != 1:
        return None
    at, node = found[0]
    compares = cores[1 - at]
    says = compared(compares[0])
    if says is None or not compares[0].name().startswith((SQUARED, BINARY)):
        return None
    slopes = torch.autograd.grad(
        root, [GradientEdge(node, 0), GradientEdge(*compares)], retain_graph=True, allow_unused=True
    )
    nat, reconstruction = (uniform(slope) for slope in slopes)
    saved: Any = compares[0]
    target, codes = saved._saved_target, slopes[0]
    if nat is None or reconstruction is None or codes.dim() < 2 or len(codes) != len(target):
        return None
    count, averages = len(target), saved._saved_reduction == 1
    mean = (says.guess - says.floor) * count / (count - 1)
    gain = abs(reconstruction) * mean * (1 if averages else target.numel())
    elements = target.numel() // count if averages else 1
    return Price(gain, 2 * abs(nat) * count, elements, terms[1 - at][0], terms[at][0])


def told_by(edge: Edge) -> Node | None:
    """The ``exp(v)``, or the ``log(w)``, in the divergence of a normal code; None if a term is another."""
    if edge[0].name() not in ADDING:
        return None
    pieces = summands(edge, whole=False)
    if not any(is_square(node) for node, _ in pieces):
        return None
    for node, _ in pieces:
        if node.name() in ("ExpBackward0", "LogBackward0"):
            inside = summands(behind(node)[0], whole=False)
            is_computed = all(behind(child) for child, _ in inside)
            if is_computed and set(inside) < set(pieces):
                return node
    return None


def is_square(node: Node) -> bool:
    """Whether a node multiplies something by itself."""
    following = behind(node)
    if node.name() == "PowBackward0":
        return getattr(node, "_saved_exponent", None) == 2
    return node.name() == "MulBackward0" and len(following) == 2 and following[0] == following[1]


def uniform(slope: Tensor | None) -> float | None:
    """The gradient of every element, if all have the same."""
    if slope is None or not slope.numel():
        return None
    low, high = (float(v) for v in slope.detach().double().aminmax())
    return (low + high) / 2 if high - low <= ALIKE * max(abs(low), abs(high)) else None
