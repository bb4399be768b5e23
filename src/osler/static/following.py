"""Follows a name to the one number that every line which binds it agrees on."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass, field

from osler.static.origins import Origins, last
from osler.static.regions import Line, Region
from osler.static.sources import dotted

DEEPEST = 12
"""Names that are followed."""

ITSELF = -1
"""Stands for the number that is being asked for: `y = y.float()` says nothing about it."""


@dataclass(slots=True)
class Following:
    """The names of one file that are being looked up.

    Attributes:
        origins: where names of the file get their values.
        asked: names that are being looked up.
    """

    origins: Origins
    asked: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])

    def number(
        self, region: Region, name: str, bound: Callable[[Region, Line, str], int | None]
    ) -> int | None:
        """What all lines that bind a name agree on; None if one is not known or two differ.

        Args:
            region: where the name is read.
            name: that is followed.
            bound: the number that one line gives to the name.
        """
        home = self.origins.home(region, name)
        key = (id(home), name)
        if key in self.asked:
            return ITSELF
        if home is None or len(self.asked) > DEEPEST:
            return None
        self.asked.append(key)
        found = {bound(home, line, name) for line in self.origins.bindings(region, name)} - {ITSELF}
        self.asked.pop()
        return found.pop() if len(found) == 1 else None


def unpacked(line: Line, name: str) -> tuple[ast.expr, int] | None:
    """What `a, name = value` takes apart, and which part gets this name."""
    match line.node:
        case ast.Assign(targets=[ast.Tuple(elts=names)], value=value):
            position = next((n for n, t in enumerate(names) if dotted(t) == name), None)
            return None if position is None else (value, position)
        case _:
            return None


def part(value: ast.expr, position: int) -> ast.expr | None:
    """What stands for one of several values: the entry of a tuple, or the data that was split in two."""
    match value:
        case ast.Tuple(elts=values) if position < len(values):
            return values[position]
        case ast.Call(args=given) if last(value) == "train_test_split" and position < 2 * len(given):
            return given[position // 2]
        case _:
            return None
