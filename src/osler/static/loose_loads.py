"""Weights from a file that are loaded with `strict=False`, and nobody looks at what was missing."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from osler.model import LooseLoadFact
from osler.static.regions import Line, Region, regions
from osler.static.sources import Source, dotted
from osler.static.walking import walk

READS = frozenset({"load", "load_state_dict_from_url", "load_url", "load_file"})
"""Functions, by last name, that read weights from a file."""

CHOOSES = frozenset({"pop", "update", "popitem", "setdefault", "clear"})
"""Methods of a dict that change what is in it."""

LOOSE = re.compile(r"load_state_dict\((?:.|\n){0,400}?False")
"""Text without which nothing is loaded loosely."""

DEEPEST = 6
"""Names that are followed to what was given to them."""


def loose_loads(source: Source) -> Iterator[LooseLoadFact]:
    """Such calls in a file, whose weights are taken as the file holds them, perhaps under other names."""
    if not LOOSE.search(source.text):
        return
    for region in regions(source):
        for line in region.lines:
            given = _loaded(line.node)
            origin = _origin(region, line, given) if given is not None else None
            if origin is not None:
                yield LooseLoadFact((region.place(line.node),), (region.place(origin),))


def _loaded(node: ast.stmt) -> ast.expr | None:
    """What `module.load_state_dict(…, strict=False)` is given, as a statement of its own."""
    match node:
        case ast.Expr(
            value=ast.Call(func=ast.Attribute(attr="load_state_dict"), args=[given, *rest]) as call
        ):
            strict = [*rest[:1], *(k.value for k in call.keywords if k.arg == "strict")]
            return (
                given
                if [isinstance(s, ast.Constant) and s.value is False for s in strict] == [True]
                else None
            )
        case _:
            return None


def _origin(region: Region, line: Line, value: ast.expr, depth: int = DEEPEST) -> ast.stmt | None:
    """The statement that reads the weights or names them anew; None if that is not known."""
    match value:
        case ast.Subscript(value=inner) | ast.Call(func=ast.Attribute(value=inner, attr="get")):
            return _origin(region, line, inner, depth)
        case ast.Call(func=function):
            return line.node if dotted(function).rpartition(".")[2] in READS else None
        case ast.DictComp(key=key, generators=[ast.comprehension(target=target, ifs=[])]):
            kept = {n.id for n in walk(target) if isinstance(n, ast.Name)}
            return None if isinstance(key, ast.Name) and key.id in kept else line.node
        case ast.Name(id=name) if depth and not _is_chosen_from(region, name):
            before = [x for x in region.lines if x.node.lineno < line.node.lineno and _gives(x.node, name)]
            last = before[-1].node if before else None
            return (
                _origin(region, before[-1], last.value, depth - 1) if isinstance(last, ast.Assign) else None
            )
        case _:
            return None


def _gives(node: ast.stmt, name: str) -> bool:
    match node:
        case ast.Assign(targets=[ast.Name(id=given)]):
            return given == name
        case _:
            return False


def _is_chosen_from(region: Region, name: str) -> bool:
    """Some entries are taken out of it or put into it: what is missing then is known."""
    for line in region.lines:
        for node in walk(line.node):
            match node:
                case ast.Subscript(value=ast.Name(id=owner), ctx=ast.Store() | ast.Del()) if owner == name:
                    return True
                case ast.Attribute(value=ast.Name(id=owner), attr=attr) if owner == name and attr in CHOOSES:
                    return True
                case _:
                    pass
    return False
