"""Weights that were taken out of a module and put into another dict: is it still the same memory?"""

from __future__ import annotations

import ast
from dataclasses import replace

from osler.model import Helper, Value


def weights_in(value: Value | None) -> Helper | None:
    """What came out of `state_dict()`, or out of its `items()`; None if it is anything else."""
    return value if isinstance(value, Helper) and value.role == "weights" else None


def kept_as(weights: Helper, name: str) -> Helper:
    """The same weights under the name that another dict gives them."""
    return replace(weights, name=weights.name or name)


def keeps_values(node: ast.DictComp) -> bool:
    """`{k: v.detach() for k, v in weights.items()}`: another dict of the same memory.

    Where `.cpu()` copies is not known.
    """
    match node:
        case ast.DictComp(
            value=value,
            generators=[ast.comprehension(target=ast.Tuple(elts=[_, ast.Name(id=name)]), ifs=[])],
        ):
            return _same(value, name)
        case _:
            return False


def _same(value: ast.expr, name: str) -> bool:
    match value:
        case ast.Call(func=ast.Attribute(value=inner, attr="detach"), args=[]):
            return _same(inner, name)
        case ast.Attribute(value=inner, attr="data"):
            return _same(inner, name)
        case ast.Name(id=given):
            return given == name
        case _:
            return False
