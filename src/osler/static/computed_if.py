"""Under which conditions parts of an expression are computed, and for which of several values."""

from __future__ import annotations

import ast
import copy
from collections.abc import Sequence

from osler.static.data_parts import Part, described
from osler.static.walking import walk

ALWAYS: frozenset[str] = frozenset()
SOMETIMES = frozenset({""})
"""Stands for a condition that is not followed."""


class Replaced(ast.NodeTransformer):
    """The variable of a loop becomes what it stands for."""

    def __init__(self, name: str, element: ast.expr) -> None:
        self.name, self.element = name, element

    def visit_Name(self, node: ast.Name) -> ast.AST:
        """The name of the variable gives way."""
        return ast.copy_location(copy.deepcopy(self.element), node) if node.id == self.name else node


def are_parts(elements: Sequence[ast.expr]) -> bool:
    """Names or texts, of which some are called after parts of the data."""
    return {Part.TRAIN, Part.HELD_OUT} <= {described(e, {})[0] for e in elements}


def unless(test: ast.expr) -> tuple[frozenset[str], frozenset[str]]:
    """Parameters that are not given if a condition holds, and if it does not."""
    match test:
        case ast.Compare(left=ast.Name(id=name), ops=[ast.Is()], comparators=[ast.Constant(value=None)]):
            return frozenset({name}), SOMETIMES
        case ast.UnaryOp(op=ast.Not(), operand=ast.Name(id=name)):
            return frozenset({name}), SOMETIMES
        case ast.Compare(left=ast.Name(id=name), ops=[ast.IsNot()], comparators=[ast.Constant(value=None)]):
            return SOMETIMES, frozenset({name})
        case ast.Name(id=name):
            return SOMETIMES, frozenset({name})
        case _:
            return SOMETIMES, SOMETIMES


def conditions(value: ast.expr) -> dict[int, frozenset[str]]:
    """Parts of an expression that are computed under a condition alone."""
    found: dict[int, frozenset[str]] = {}
    for node in walk(value):
        match node:
            case ast.IfExp(test=test, body=one, orelse=other):
                first, second = unless(test)
                pairs = [(one, first), (other, second)]
            case ast.BoolOp(op=ast.Or(), values=[ast.Name(id=name), *others]):
                pairs = [(other, frozenset({name})) for other in others]
            case ast.BoolOp(values=[_, *others]):
                pairs = [(other, SOMETIMES) for other in others]
            case ast.Lambda(body=body):
                pairs = [(body, SOMETIMES)]
            case _:
                continue
        for part, missing in pairs:
            for below in walk(part):
                found[id(below)] = found.get(id(below), ALWAYS) | missing
    return found


def expanded(value: ast.expr) -> list[ast.expr]:
    """`{part: load(part) for part in ("train", "test")}`, part by part."""
    match value:
        case (
            ast.DictComp(value=body, generators=[made])
            | ast.ListComp(elt=body, generators=[made])
            | (ast.GeneratorExp(elt=body, generators=[made]))
        ):
            match made:
                case ast.comprehension(
                    target=ast.Name(id=name), iter=ast.Tuple(elts=elts) | ast.List(elts=elts)
                ) if are_parts(elts):
                    return [Replaced(name, e).visit(copy.deepcopy(body)) for e in elts]
                case _:
                    return []
        case _:
            return []


def repeated(value: ast.expr) -> dict[int, frozenset[str]]:
    """Variables of the comprehensions around each part of an expression."""
    found: dict[int, frozenset[str]] = {}
    for node in walk(value):
        if isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp):
            stored = (n for g in node.generators for n in walk(g.target))
            names = frozenset(n.id for n in stored if isinstance(n, ast.Name))
            for below in walk(node):
                found[id(below)] = found.get(id(below), frozenset()) | names
    return found
