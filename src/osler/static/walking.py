"""All nodes of a tree, several times as fast as `ast.walk`."""

from __future__ import annotations

import ast
from collections.abc import Iterator

PLAIN = frozenset(
    "ctx id arg attr name asname module level kind type_comment conversion simple is_async tag lineno "
    "type_ignores kwd_attrs rest str".split()
)
"""Fields that hold texts, numbers and contexts."""

LEAVES = frozenset({ast.Constant, ast.MatchSingleton, ast.Global, ast.Nonlocal})
"""Nodes that hold values of Python and nothing else."""


def _fields(kind: type[ast.AST]) -> tuple[str, ...]:
    return () if kind in LEAVES else tuple(f for f in kind._fields if f not in PLAIN)


BELOW = {k: _fields(k) for k in vars(ast).values() if isinstance(k, type) and issubclass(k, ast.AST)}
"""Where nodes hold other nodes, or lists of them: to ask for these alone halves the time."""


def walk(root: ast.AST) -> Iterator[ast.AST]:
    """The node and all below it but contexts, level by level as `ast.walk` goes."""
    todo = [root]
    for node in todo:
        for field in BELOW[type(node)]:
            value: ast.AST | list[ast.AST | None] | None = getattr(node, field, None)
            if isinstance(value, list):
                todo += [n for n in value if n is not None]
            elif value is not None:
                todo.append(value)
        yield node
