"""Shapes of tensors as plain numbers: how many entries they hold, and which meet by accident."""

from __future__ import annotations

Shape = tuple[int, ...]


def without_ones(shape: Shape) -> Shape:
    """A shape without its axes of length 1."""
    return tuple(length for length in shape if length != 1)


def is_stray(left: Shape, right: Shape, result: Shape) -> bool:
    """Whether two shapes name the same entries, but an axis of length 1 in only one of them spread them.

    Tensors of one rank, as (N, 1) and (1, N), were laid out against each other on purpose.
    """
    same = without_ones(left) == without_ones(right)
    return same and len(left) != len(right) and size_of(result) > size_of(left) and bool(without_ones(left))


def size_of(shape: Shape) -> int:
    """Number of entries."""
    entries = 1
    for length in shape:
        entries *= length
    return entries
