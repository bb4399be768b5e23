"""How amounts and the user's own names are written in messages."""

from __future__ import annotations

from collections.abc import Sequence

NAMED = 4
"""Names that a message lists."""


def counted(amount: int, noun: str, plural: str = "") -> str:
    """A number with its noun: ``1 step``, ``2 steps``."""
    return f"{amount} {noun}" if amount == 1 else f"{amount} {plural or f'{noun}s'}"


def listed(names: Sequence[str]) -> str:
    """The first few names between backticks, and how many more there are."""
    shown = ", ".join(f"`{name}`" for name in names[:NAMED])
    return shown if len(names) <= NAMED else f"{shown} and {len(names) - NAMED} more"
