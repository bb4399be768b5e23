"""Windows over a series that reach into what is to be predicted: their last steps are the first targets.

A window of the past ends where its targets begin. If it ends one step late, its last step is the first
target, exactly or in another unit. What is rebuilt from itself (an autoencoder, a shifted or reversed copy)
is no such thing: there the other targets are found in the window as well. Nor is a series that stands still:
there the last step equals what follows, but the step before it does too.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

STRAIGHT = 1e-5
"""Distance from a straight line, over the spread of the targets, that rounding makes."""

SHORTEST = 4
"""Steps below which an axis may be something else."""

MOVING = 0.5
"""Share of the samples whose last step differs from the one before it: else the series stands still."""

OTHERS = 3
"""Targets behind the overlap that are looked for in the window."""


@dataclass(frozen=True, slots=True)
class Overlap:
    """The last steps of the inputs are the first targets.

    Attributes:
        steps: of the inputs that are targets.
        feature: which of several it is; -1 if there is only one, or if all are.
        exact: they are the same numbers; else they are that times a number, plus a number.
    """

    steps: int
    feature: int
    exact: bool


def aligned(table: Tensor, targets: Tensor) -> Tensor:
    """Columns of which the targets are a multiple, plus a number.

    Args:
        table: (samples, columns), double precision.
        targets: (samples,), likewise.

    Returns:
        Yes or no for each column; no for all if the targets do not vary.
    """
    y, x = targets - targets.mean(), table - table.mean(0)
    size = x.square().sum(0)
    slope = (x * y[:, None]).sum(0) / size
    miss = (y[:, None] - x * slope).abs().amax(0)
    spread = (targets - targets.median()).abs().median()  # an outlier does not count
    return (miss <= STRAIGHT * spread) & (slope != 0)  # never where a column does not vary: no number


def time_axis(given: Tensor) -> int | None:
    """The axis of the steps: the longer one behind that of the samples; None if that is not clear."""
    if given.dim() == 2:
        return 1 if given.shape[1] >= SHORTEST else None
    if given.dim() != 3 or given.shape[1] == given.shape[2] or max(given.shape[1:]) < SHORTEST:
        return None
    return 1 if given.shape[1] > given.shape[2] else 2


def overlap(inputs: Tensor, targets: Tensor) -> Overlap | None:
    """How far the inputs reach into the targets; None if they do not.

    Args:
        inputs: (samples, steps, features).
        targets: (samples, steps) of one feature, (samples, steps, features), or (samples, features) for one
            step.
    """
    x, features = inputs.double(), inputs.shape[2]
    for y in readings(targets.double(), features):
        for steps in range(1, min(y.shape[1], (x.shape[1] - 1) // 2) + 1):
            found = shared(x, y, steps)
            if found is not None and not is_rebuilt(x, y, steps):
                return found
    return None


def readings(targets: Tensor, features: int) -> list[Tensor]:
    """What the axes of the targets may be, as (samples, steps, features)."""
    if targets.dim() == 3:
        return [targets] if targets.shape[2] in (1, features) else []
    flat = targets.reshape(len(targets), -1)
    one_step = [flat[:, None]] if flat.shape[1] == features > 1 else []
    return [*one_step, flat[:, :, None]]


def shared(x: Tensor, y: Tensor, steps: int) -> Overlap | None:
    """Whether the targets begin so many steps before the inputs end."""
    first, before = x[:, -steps], x[:, -steps - 1]
    moving = (first != before).double().mean(0) >= MOVING
    if y.shape[2] == x.shape[2] > 1:
        same = torch.stack([aligned(first[:, [f]], y[:, 0, f])[0] for f in range(x.shape[2])])
        if not moving.any() or not bool(same[moving].all()):
            return None
        return Overlap(steps, -1, exact=torch.equal(first[:, moving], y[:, 0, moving]))
    places = (aligned(first, y[:, 0, 0]) & moving).nonzero().flatten().tolist()
    for feature in places:
        later = (aligned(x[:, [k - steps], feature], y[:, k, 0]).all() for k in range(1, steps))
        if all(map(bool, later)):
            exact = torch.equal(x[:, -steps:, feature], y[:, :steps, 0])
            return Overlap(steps, feature if x.shape[2] > 1 else -1, exact)
    return None


def is_rebuilt(x: Tensor, y: Tensor, steps: int) -> bool:
    """Whether targets behind the overlap stand in the inputs as well."""
    table = x.flatten(1)
    behind = sorted({*range(steps, min(steps + OTHERS, y.shape[1])), y.shape[1] - 1} - set(range(steps)))
    return any(bool(aligned(table, y[:, k, g]).any()) for k in behind for g in range(y.shape[2]))
