"""Marks of gradients: the same object with the same version as before was touched by nobody."""

# pyright: reportPrivateUsage=false

from __future__ import annotations

from torch import Tensor

Mark = tuple[int, int] | None
"""Identity and version of a gradient, None if there is none."""


def mark(gradient: Tensor | None) -> Mark:
    """Identity and version of a gradient."""
    return None if gradient is None else (id(gradient), gradient._version)


def replaced(before: list[Mark], now: list[Mark]) -> bool:
    """Whether every gradient is another object than before."""
    return all(b is None or n is None or b[0] != n[0] for b, n in zip(before, now, strict=False))
