"""All nodes of a tree, several times as fast as `ast.walk`."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import cast

NODES = frozenset(
    kind
    for kind in vars(ast).values()
    if isinstance(kind, type) and issubclass(kind, ast.AST) and not issubclass(kind, ast.expr_context)
)
"""The classes of nodes; the contexts of names are none to visit."""

ENDS = frozenset({ast.Name, ast.Constant, ast.alias, ast.Pass, ast.Break, ast.Continue})
"""Nodes with no other node but a context below them: more than half of all."""


def walk(root: ast.AST) -> Iterator[ast.AST]:
    """The node and all below it but contexts, level by level as `ast.walk` goes."""
    todo = [root]
    for node in todo:
        if type(node) in ENDS:
            yield node
            continue
        for value in cast("Iterable[ast.AST | list[ast.AST]]", vars(node).values()):  # or plain values
            if isinstance(value, list):
                todo += [n for n in value if type(n) in NODES]
            elif type(value) in NODES:
                todo.append(value)
        yield node
