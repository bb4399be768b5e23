"""What is written into where an entry is given a value: `self.rows[i]["x"][0] += 1`."""

from __future__ import annotations

import ast

from osler.static.sources import dotted

OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.Div)
"""Of augmented assignments: doing it twice is not the same as doing it once."""


def is_count(target: ast.Subscript, value: ast.expr) -> bool:
    """``item["seen"] += 1``, ``self.seen[i] += 1``."""
    return bool(by_name(target) or own(base(target))) and isinstance(value, ast.Constant)


def is_arithmetic(value: ast.expr) -> bool:
    """A computation whose outermost operation is ``+``, ``-``, ``*`` or ``/``."""
    return isinstance(value, ast.BinOp) and isinstance(value.op, OPERATORS)


def is_several(node: ast.AST) -> bool:
    """``torch.randn(8)``: more random numbers than one."""
    match node:
        case ast.Call(func=function, args=[first, *_]) if (
            not isinstance(first, ast.Constant) or first.value != 1
        ):
            return dotted(function).rpartition(".")[2] in {"rand", "randn"}
        case _:
            return False


def by_name(target: ast.Subscript) -> bool:
    """An entry of a dict."""
    return isinstance(target.slice, ast.Constant) and isinstance(target.slice.value, str)


def base(target: ast.expr) -> ast.expr:
    """What is subscripted."""
    while isinstance(target, ast.Subscript):
        target = target.value
    return target


def root(target: ast.expr) -> str:
    """The name of what is subscripted."""
    return dotted(base(target))


def own(node: ast.AST) -> str:
    """The attribute of `self` that this is."""
    match node:
        case ast.Attribute(value=ast.Name(id="self"), attr=attr):
            return attr
        case _:
            return ""
