"""All nodes of a tree, several times as fast as `ast.walk`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import cast

NODES = frozenset(
    kind
    for kind in vars(ast).values()
    if isinstance(kind, type) and issubclass(kind, ast.AST) and not issubclass(kind, ast.expr_context)
)
"""The classes of nodes; the contexts of names are none to visit."""


def walk(root: ast.AST) -> Iterator[ast.AST]:
    """The node and all below it but contexts, level by level as `ast.walk` goes."""
    todo = [root]
    for node in todo:
        for value in vars(node).values():
            kind: type[object] = type(value)
            if kind in NODES:
                todo.append(value)
            elif kind is list:
                todo += [n for n in cast("list[ast.AST]", value) if type(n) in NODES]
        yield node
