"""How amounts and the user's own names are written in messages."""

from __future__ import annotations

import math
from collections.abc import Sequence

NAMED = 4
"""Names that a message lists."""

PLAIN, MOST_DIGITS = 0.01, 6
"""Distance from nothing and from all up to which a share needs digits of its own, and how many it has."""


def counted(amount: int, noun: str, plural: str = "") -> str:
    """A number with its noun: ``1 step``, ``2 steps``."""
    return f"{amount} {noun}" if amount == 1 else f"{amount} {plural or f'{noun}s'}"


def listed(names: Sequence[str]) -> str:
    """The first few names between backticks, and how many more there are."""
    shown = ", ".join(f"`{name}`" for name in names[:NAMED])
    return shown if len(names) <= NAMED else f"{shown} and {len(names) - NAMED} more"


def percent(share: float) -> str:
    """A share between 0 and 1, with as many digits as tell it from these: ``58%``, ``0.03%``, ``99.97%``."""
    near = min(share, 1 - share)
    digits = min(MOST_DIGITS, math.ceil(-math.log10(near)) - 2) if 0 < near < PLAIN else 0
    return f"{share:.{digits}%}"
