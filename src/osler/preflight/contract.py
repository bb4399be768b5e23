"""What the loss of the first turn is made of: one loss function of torch, times a number."""

from __future__ import annotations

import math

from osler.preflight.bench import Bench

MOST_PARTS = 64
"""Micro-batches over whose number a loss is divided, at most."""

SCALES = tuple(2.0**power for power in range(8, 25))
"""Numbers by which a gradient scaler multiplies."""

ALIKE = 1e-3
"""Relative difference up to which two numbers are the same one, computed in another order."""

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
    parts = abs(1 / found)
    if 1 <= round(parts) <= MOST_PARTS and is_same(parts, round(parts)):
        return found
    return found if any(is_same(abs(found), scale) for scale in SCALES) else None


def is_same(one: float, other: float) -> bool:
    """Whether two numbers agree up to the order of the computation."""
    return abs(one - other) <= ALIKE * max(abs(one), abs(other))
