"""How many axes sizes and lists have as they are written down, without following a name."""

from __future__ import annotations

import ast

from osler.static.origins import last


def nesting(node: ast.expr) -> int:
    """How deep lists are written into each other."""
    return 1 + nesting(node.elts[0]) if isinstance(node, ast.List) and node.elts else 0


def sized(call: ast.Call, named: dict[str | None, ast.expr]) -> int | None:
    """The rank of a tensor that is made of a size."""
    sizes = [s for s in (named.get("size"), *call.args) if s is not None]
    if last(call) == "randint":
        sizes = [s for s in sizes if isinstance(s, ast.Tuple | ast.List)]
    if len(sizes) == 1 and isinstance(sizes[0], ast.Tuple | ast.List):
        sizes = sizes[0].elts
    if not sizes or any(isinstance(s, ast.Starred) for s in sizes):
        return None
    alone = len(sizes) == 1 and not (isinstance(sizes[0], ast.Constant) and sizes[0].value not in (0, 1))
    return None if alone and not _is_count(sizes[0]) else len(sizes)


def viewed(given: list[ast.expr]) -> int | None:
    """The rank that `view` or `reshape` to these sizes gives."""
    sizes = given[0].elts if given and isinstance(given[0], ast.Tuple) else given
    known = all(map(_is_size, sizes)) and (len(sizes) != 1 or is_number(sizes[0]))
    return len(sizes) if sizes and known else None


def is_number(node: ast.expr) -> bool:
    """It is a number, perhaps with a sign."""
    match node:
        case ast.Constant(value=int() | float()) | ast.UnaryOp(operand=ast.Constant(value=int() | float())):
            return True
        case _:
            return False


def _is_count(node: ast.expr) -> bool:
    """It is one number: a constant above 1 or a length."""
    match node:
        case ast.Constant(value=int() as value):
            return value > 1
        case ast.Call(func=ast.Name(id="len")):
            return True
        case _:
            return False


def _is_size(node: ast.expr) -> bool:
    return is_number(node) or isinstance(
        node, ast.Name | ast.Subscript | ast.Call | ast.Attribute | ast.BinOp
    )
