"""A first look at files: is anything changed in place that is returned or put into a list?"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from osler.static.memory.library import (
    ADDS,
    CHANGES,
    CHANGES_FIRST,
    DRAWS,
    MAKES,
    MAKES_OF_A_LIST,
    SAME,
    SHARES,
    VIEWS,
)
from osler.static.sources import Source
from osler.static.walking import walk

CHANGING = re.compile(
    r"(?:[-+*/@|&^]|//|\*\*)=|\]\s*=[^=]|\w_\(|\.(?:fill|sort|put)\(|copyto|shuffle|out=|optim"
)
"""Text without which nothing is changed in place."""

KEEPING = re.compile(r"\.(?:append|appendleft|add|put|insert)\(|\breturn\b")
"""Text without which nothing is handed out or kept."""

WEIGHTS = frozenset({"weight", "bias", "parameters"})
SHARING = frozenset(name.rpartition(".")[2] for name in SHARES)
MAKING = MAKES | MAKES_OF_A_LIST | DRAWS | {"Parameter", "clone", "astype"}
NOTED = frozenset({ast.AugAssign, ast.Assign, ast.Call, ast.Return})
LAST_OF_FUNCTIONS = frozenset(name.rpartition(".")[2] for name in CHANGES_FIRST)


@dataclass(slots=True)
class Names:
    """Last names in some files.

    Attributes:
        changed: what is written into, as far as its name says.
        counted: what is only ever added to, and may be a number.
        arrays: what is given something other than a number.
        kept: what is put into a list.
        weights: some of it are weights of a network.
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
    weights: bool = False
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
            if type(node) in NOTED:
                _note(names, node)
    if names.weights and any("optim" in text for text in texts):
        return True
    arrays = names.arrays | {one for one, other in names.pairs if other in names.arrays}
    changed = names.changed | (names.counted & arrays)
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
                names.kept |= {_name(part) for argument in node.args for part in _same_memory(argument)}
                names.weights |= any(
                    _takes_weights(part) for argument in node.args for part in walk(argument)
                )
            _note_arguments(names, node, name)
        case ast.Call(func=ast.Name(id=name)):
            _note_arguments(names, node, name)
        case ast.Return(value=ast.expr() as value):
            _note_return(names, value)
        case _:
            pass


def _note_return(names: Names, value: ast.expr) -> None:
    for node in _same_memory(value):
        (names.handed if isinstance(node, ast.Attribute) else names.given).add(_name(node))


def _same_memory(node: ast.expr) -> Iterator[ast.Name | ast.Attribute]:
    """The names whose memory may lie in a value as it is."""
    todo = [node]
    while todo:
        match todo.pop():
            case ast.Name() | ast.Attribute(attr="weight" | "bias") as found:
                yield found
            case ast.Attribute(value=inner, attr=name) as found:
                yield found
                todo += [inner] if name in SAME else []
            case ast.Tuple(elts=parts) | ast.List(elts=parts) | ast.Dict(values=parts):
                todo += parts
            case ast.IfExp(body=body, orelse=orelse):
                todo += [body, orelse]
            case ast.ListComp(elt=part, generators=generators):
                todo += [part, *(g.iter for g in generators)]
            case ast.Subscript(
                value=inner, slice=ast.Slice() | ast.Tuple() | ast.Constant() | ast.Attribute()
            ):
                todo.append(inner)
            case ast.Call(func=ast.Attribute(value=inner, attr=name), args=args):
                todo += [inner] if name in VIEWS | WEIGHTS or name[-1] == "_" else []
                todo += args if name in SHARING else []
            case ast.Call(func=ast.Name(), args=args, keywords=keywords):
                todo += [*args, *(k.value for k in keywords)]
            case ast.Starred(value=inner) | ast.NamedExpr(value=inner):
                todo.append(inner)
            case _:
                pass


def _name(node: ast.Name | ast.Attribute) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr


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
            made = _is_made(value)
            if made or isinstance(target, ast.Attribute):
                names.arrays |= set(_last(target))
            found = [] if made else [(one, other) for one in _last(target) for other in _last(value)]
            names.pairs += found
            names.attributes += found if isinstance(_root(value), ast.Attribute) else []


def _is_made(value: ast.expr) -> bool:
    """It comes from a call that makes an array."""
    match value:
        case ast.Call(func=ast.Name(id=name)):
            return name in MAKING
        case ast.Call(func=ast.Attribute(value=inner, attr=name)):
            return name in MAKING or _is_made(inner)
        case ast.BinOp(left=left, right=right):
            return _is_made(left) or _is_made(right)
        case _:
            return False


def _takes_weights(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and node.attr in WEIGHTS


def _note_arguments(names: Names, node: ast.Call, name: str) -> None:
    if name in LAST_OF_FUNCTIONS and node.args:
        names.changed |= set(_last(node.args[0]))
    for keyword in node.keywords:
        if keyword.arg == "out":
            names.changed |= set(_last(keyword.value))


def _last(node: ast.expr) -> Iterator[str]:
    """The last name of what is indexed, or has its method called."""
    root = _root(node)
    if root is not None:
        yield _name(root)


def _root(node: ast.expr) -> ast.Name | ast.Attribute | None:
    while True:
        match node:
            case ast.Subscript(value=inner) | ast.Call(func=ast.Attribute(value=inner)):
                node = inner
            case ast.Attribute(value=inner, attr=name) if name in SAME:
                node = inner
            case ast.Name() | ast.Attribute():
                return node
            case _:
                return None
