"""A first look at files: is anything changed in place that is returned or put into a list?"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from osler.static.memory.library import ADDS, CHANGES, CHANGES_FIRST
from osler.static.sources import Source
from osler.static.walking import walk

CHANGING = re.compile(r"(?:[-+*/@|&^]|//|\*\*)=|\]\s*=[^=]|\w_\(|\.(?:fill|sort|put)\(|copyto|out=|optim")
"""Text without which nothing is changed in place."""

KEEPING = re.compile(r"\.(?:append|appendleft|add|put|insert)\(|\breturn\b")
"""Text without which nothing is handed out or kept."""

WEIGHTS = frozenset({"weight", "bias", "parameters", "named_parameters", "weights", "biases"})
LAST_OF_FUNCTIONS = frozenset(name.rpartition(".")[2] for name in CHANGES_FIRST)


@dataclass(slots=True)
class Names:
    """Last names in some files.

    Attributes:
        changed: what is written into, as far as its name says.
        counted: what is only ever added to, and may be a number.
        arrays: what is given something other than a number.
        kept: what is put into a list.
        given: what is returned, by a name of its own.
        handed: attributes that are returned.
        pairs: names of the same thing: `a = b`.
        attributes: names of attributes: `a = self.b`.
        modules: what is imported, and `self`.
    """

    changed: set[str] = field(default_factory=set[str])
    counted: set[str] = field(default_factory=set[str])
    arrays: set[str] = field(default_factory=set[str])
    kept: set[str] = field(default_factory=set[str])
    given: set[str] = field(default_factory=set[str])
    handed: set[str] = field(default_factory=set[str])
    pairs: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    attributes: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    modules: set[str] = field(default_factory=lambda: {"self"})


def is_worth_following(sources: Sequence[Source]) -> bool:
    """Something may be kept while it is changed in place."""
    texts = [s.text for s in sources]
    if not any(map(CHANGING.search, texts)) or not any(map(KEEPING.search, texts)):
        return False
    names = Names()
    for source in sources:
        for statement in source.survey.imports:
            names.modules |= {(a.asname or a.name).partition(".")[0] for a in statement.names}
        for node in walk(source.tree) if source.tree is not None else ():
            _note(names, node)
    if names.kept & WEIGHTS and any("optim" in text for text in texts):
        return True
    changed = names.changed | (names.counted & names.arrays)
    handed = names.handed | {attr for name, attr in names.attributes if name in names.given}
    for _ in range(2):  # a name of a name
        changed |= {one for pair in names.pairs if changed & set(pair) for one in pair}
    return bool((changed - names.modules) & (names.kept | handed))


def _note(names: Names, node: ast.AST) -> None:
    match node:
        case ast.AugAssign(target=ast.Subscript() as target):
            names.changed |= set(_last(target))
        case ast.AugAssign(target=target):
            names.counted |= set(_last(target))
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                _note_target(names, target, value)
        case ast.Call(func=ast.Attribute(value=owner, attr=name)):
            if name[-1] == "_" or name in CHANGES:
                names.changed |= set(_last(owner))
            if name in ADDS or name == "insert":
                names.kept |= {part for argument in node.args for part in _every(argument)}
            _note_arguments(names, node, name)
        case ast.Call(func=ast.Name(id=name)):
            _note_arguments(names, node, name)
        case ast.Return(value=ast.expr() as value):
            _note_return(names, value)
        case _:
            pass


def _note_return(names: Names, value: ast.expr) -> None:
    parts = value.elts if isinstance(value, ast.Tuple) else [value]
    for part in parts:
        for node in (n for n in walk(part) if not isinstance(part, ast.BinOp | ast.Compare | ast.BoolOp)):
            if isinstance(node, ast.Attribute):
                names.handed.add(node.attr)
            elif isinstance(node, ast.Name):
                names.given.add(node.id)


def _note_target(names: Names, target: ast.expr, value: ast.expr) -> None:
    match target, value:
        case ast.Tuple(elts=parts), ast.Tuple(elts=values) if len(parts) == len(values):
            for part, one in zip(parts, values, strict=True):
                _note_target(names, part, one)
        case ast.Tuple(elts=parts), _:
            for part in parts:
                _note_target(names, part, value)
        case ast.Subscript(), _:
            names.changed |= set(_last(target))
        case _, ast.Constant():
            pass
        case _:
            names.arrays |= set(_last(target))
            found = [(one, other) for one in _last(target) for other in _last(value)]
            names.pairs += found
            names.attributes += found if any(isinstance(n, ast.Attribute) for n in walk(value)) else []


def _note_arguments(names: Names, node: ast.Call, name: str) -> None:
    if name in LAST_OF_FUNCTIONS and node.args:
        names.changed |= set(_last(node.args[0]))
    for keyword in node.keywords:
        if keyword.arg == "out":
            names.changed |= set(_last(keyword.value))


def _last(node: ast.expr) -> Iterator[str]:
    """The last name of what is indexed, or has its method called."""
    while True:
        match node:
            case ast.Subscript(value=inner) | ast.Call(func=ast.Attribute(value=inner)):
                node = inner
            case ast.Attribute(value=inner, attr="data" | "T"):
                node = inner
            case ast.Name(id=name) | ast.Attribute(attr=name):
                yield name
                return
            case _:
                return


def _every(node: ast.expr) -> Iterator[str]:
    for part in walk(node):
        match part:
            case ast.Name(id=name) | ast.Attribute(attr=name):
                yield name
            case _:
                pass
