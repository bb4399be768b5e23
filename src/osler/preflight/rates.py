"""The learning rates that a script is known to use, now or later in its schedule."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler

from osler.runtime.guard import Guard

PEAKS = ("lr", "initial_lr", "max_lr")
"""Keys of a parameter group that hold its learning rate now, before a schedule, and at its highest."""

BASE = "initial_lr"
"""What the functions of a `LambdaLR` are multiplied with: with the warm-up of the transformer's paper it is
1, and a rate of 1 is never used."""

AHEAD = tuple(dict.fromkeys(round(1.3**power) for power in range(45)))
"""Steps, up to 100,000, for which such a function is asked."""


def highest_rate(optimizer: Optimizer, number: int, schedules: Iterable[LRScheduler]) -> float:
    """The highest learning rate that a parameter group is known to get.

    Args:
        optimizer: of the group.
        number: of the group.
        schedules: all of the script's.
    """
    group: Mapping[str, Any] = optimizer.param_groups[number]
    rates = {k: float(group[k]) for k in PEAKS if isinstance(group.get(k), int | float | Tensor)}
    own = [s for s in schedules if isinstance(s, LambdaLR) and s.optimizer is optimizer]
    if BASE in rates and own:
        rates[BASE] *= max(highest_factor(schedule, number) for schedule in own)
    return max(rates.values())


def highest_factor(schedule: LambdaLR, number: int) -> float:
    """The largest that the function of a group returns; 1 if it cannot be asked: it is the user's."""
    gate = Guard(unheard).gate("the function of a schedule")
    found = gate.call(lambda: max(float(schedule.lr_lambdas[number](step)) for step in (0, *AHEAD)))
    return 1.0 if found is None else found


def unheard(sentence: str) -> None:
    """What the user's function raises is met again in training."""
    del sentence
