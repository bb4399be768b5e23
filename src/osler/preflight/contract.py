"""What the loss of the first turn is made of: one loss function of torch, times a number."""

from __future__ import annotations

import math

from torch import Tensor

from osler.preflight.bench import Bench
from osler.replay.turn import LossCall

MOST_PARTS = 64
"""Micro-batches over whose number a loss is divided, at most."""

SCALES = tuple(2.0**power for power in range(8, 25))
"""Numbers by which a gradient scaler multiplies."""

ALIKE = 1e-3
"""Relative difference up to which two numbers are the same one, computed in another order."""

NEAR, CLOSE = 1e-3, 1e-5
"""Difference up to which a number is a whole one, and its share of a large one: rounding makes no more."""

UNKNOWN = "what `backward()` starts from is not one loss function of torch alone"


def factor(bench: Bench) -> float | None:
    """What the value of the loss function was multiplied by on its way to `backward()`.

    Returns:
        None unless there was one call of a function and one backward, and the factor is one that scripts
        use: ±1, a share for one of several micro-batches, the number of a gradient scaler. Anything else may
        be another term that was added.
    """
    loss, root = bench.loss, bench.root
    if loss is None or root is None or len(bench.seen.roots) != 1 or loss.value.numel() != 1:
        return None
    value = float(loss.value)
    if not value or not math.isfinite(value) or not math.isfinite(root.value) or not root.value:
        return None
    found = root.value / value
    if is_split(loss, abs(1 / found)):
        return found
    return found if any(is_same(abs(found), scale) for scale in SCALES) else None


def is_split(loss: LossCall, parts: float) -> bool:
    """Whether the value of a loss over what backward starts from is a number that scripts divide by.

    That is the number of micro-batches, or of the targets in all of them where the loss adds these up.
    """
    targets = added(loss)
    if targets and targets <= round(parts) <= MOST_PARTS * targets:
        return abs(parts - round(parts)) <= max(NEAR, CLOSE * parts)
    return 1 <= round(parts) <= MOST_PARTS and is_same(parts, round(parts))


def added(loss: LossCall) -> int:
    """Over how many targets a loss was added up instead of averaged; 0 if it was not."""
    target = loss.given.get("target")
    if loss.given.get("reduction") != "sum" or not isinstance(target, Tensor) or target.is_floating_point():
        return 0
    return int((target != loss.given.get("ignore_index", -100)).sum())


def is_same(one: float, other: float) -> bool:
    """Whether two numbers agree up to the order of the computation."""
    return abs(one - other) <= ALIKE * max(abs(one), abs(other))
