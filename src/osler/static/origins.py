"""Where the values of names come from, as far as the lines of one file say."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass

from osler.model import Place
from osler.static.regions import Def, Line, Region, own
from osler.static.sources import Source, dotted

WRAPS = frozenset({"tqdm", "trange", "list", "iter", "islice", "track"})
"""Functions that hand out what they are given."""


@dataclass(frozen=True, slots=True)
class Origins:
    """Answers questions about one file.

    Attributes:
        every: all regions of the file, its own lines first.
    """

    every: Sequence[Region]

    def home(self, region: Region, name: str) -> Region | None:
        """Where a name gets its values."""
        if any(binds(line.node, name) for line in region.lines):
            return None if name in region.given else region
        return None if name in region.given or region is self.every[0] else self.home(self.every[0], name)

    def bindings(self, region: Region, name: str) -> list[Line]:
        """The lines that give a name its values."""
        found = self.home(region, name)
        return [line for line in found.lines if binds(line.node, name)] if found is not None else []

    def made(self, region: Region, node: ast.expr) -> ast.Call | None:
        """The one call whose result this is."""
        calls = self.calls(region, node)
        return calls[0] if len(calls) == 1 else None

    def calls(self, region: Region, node: ast.expr) -> list[ast.Call]:
        """The calls of which this is the result; none if it may be something else."""
        if isinstance(node, ast.Call):
            return [node]
        if not isinstance(node, ast.Name) or (home := self.home(region, node.id)) is None:
            return []
        lines = [line.node for line in home.lines if binds(line.node, node.id)]
        values = [n.value if isinstance(n, ast.Assign) else None for n in lines]
        calls = [v for v in values if isinstance(v, ast.Call)]
        return calls if len(calls) == len(values) else []

    def function(self, node: ast.expr) -> Region | None:
        """The lines of a function of the file."""
        named = (r for r in self.every if isinstance(node, ast.Name) and r.function == node.id)
        return next(named, None)


def batch_part(target: ast.expr, over: ast.expr, name: str) -> tuple[ast.expr, int] | None:
    """What a loop hands out in parts, and which part gets this name."""
    while isinstance(over, ast.Call) and over.args and last(over) in WRAPS | {"enumerate"}:
        if last(over) == "enumerate":
            target = target.elts[-1] if isinstance(target, ast.Tuple) else target
        over = over.args[0]
    if not isinstance(target, ast.Tuple | ast.List):
        return None
    position = next((n for n, t in enumerate(target.elts) if dotted(t) == name), None)
    return None if position is None else (over, position)


def returned(function: Region) -> ast.expr | None:
    """What a function returns, if only one line says so."""
    values = [line.node.value for line in function.lines if isinstance(line.node, ast.Return)]
    return values[0] if len(values) == 1 else None


def last(call: ast.Call | None) -> str:
    """The last part of what is called."""
    if call is None:
        return ""
    return call.func.attr if isinstance(call.func, ast.Attribute) else dotted(call.func)


def written(source: Source, every: Sequence[Region], place: Place) -> tuple[Region, ast.expr] | None:
    """The expression at a place that the reader has noted, and the lines around it."""
    for region in every:
        if region.function != place.function:
            continue
        for line in region.lines:
            for node in own(line.node):
                if not isinstance(node, ast.Call | ast.BinOp) or node.lineno != place.line:
                    continue
                if source.span(node) == place.span:
                    return region, node
    return None


def binds(node: ast.stmt, name: str) -> bool:
    """A statement gives the name a value, or may."""
    if isinstance(node, Def | ast.ClassDef):
        return node.name == name
    return any(
        isinstance(n, ast.Name) and n.id == name and not isinstance(n.ctx, ast.Load) for n in own(node)
    )
