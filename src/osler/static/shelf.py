"""Trees of parsed files: those that were used last are kept, others are parsed again when they are needed."""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

ROOM = 1_000_000
"""Characters of source whose trees are kept at a time: a tree takes 36 bytes for each of them."""

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef

Position = tuple[int, int]
"""Line and column of a definition in its file, as the parser counts them."""

N = TypeVar("N", bound=ast.AST)
T = TypeVar("T")


@dataclass(slots=True)
class Growth:
    """A tree with those of its definitions that were asked for.

    Attributes:
        tree: of a file.
        size: characters of that file.
        found: definitions by position.
    """

    tree: ast.Module
    size: int
    found: dict[Position, Definition] = field(default_factory=dict[Position, Definition])

    def definition(self, at: Position) -> Definition:
        """The function, class or lambda that begins at a position."""
        if at not in self.found:
            self.found[at] = located(self.tree, at)
        return self.found[at]


@dataclass(slots=True)
class Shelf:
    """Trees by file, the longest unused first.

    Attributes:
        room: characters of source whose trees are kept; that of one file is kept however large it is.
        filled: characters of source whose trees are there.
        trees: by file.
    """

    room: int = ROOM
    filled: int = 0
    trees: dict[str, Growth] = field(default_factory=dict[str, Growth])

    def take(self, file: str) -> Growth | None:
        """The tree of a file, if it is there."""
        found = self.trees.pop(file, None)
        if found is not None:
            self.trees[file] = found
        return found

    def put(self, file: str, tree: ast.Module, size: int) -> Growth:
        """Keep a tree; what was not used for long makes room for it."""
        self.trees[file] = added = Growth(tree, size)
        self.filled += size
        while self.filled > self.room and len(self.trees) > 1:
            self.filled -= self.trees.pop(next(iter(self.trees))).size
        return added


def located(tree: ast.Module, at: Position) -> Definition:
    """The definition at a position; only what spans its line is looked at."""
    todo: list[ast.AST] = [tree]
    while todo:
        node = todo.pop()
        if isinstance(node, Definition) and (node.lineno, node.col_offset) == at:
            return node
        todo += [child for child in ast.iter_child_nodes(node) if _spans(child, at[0])]
    raise LookupError(f"nothing is defined at line {at[0]}")


def _spans(node: ast.AST, line: int) -> bool:
    last: int | None = getattr(node, "end_lineno", None)
    if last is None:  # arguments, cases and others that the parser gives no place
        return True
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    first: int = min([getattr(node, "lineno", 0), *(d.lineno for d in decorators)])
    return first <= line <= last


def once_per_node(function: Callable[[N], T]) -> Callable[[N], T]:
    """Remember the answer, which holds no node, for each node and for as long as its tree is kept."""
    name = f"{function.__module__}.{function.__name__}"

    @functools.wraps(function)
    def asked(node: N) -> T:
        known: dict[str, T] = vars(node)
        if name not in known:
            known[name] = function(node)
        return known[name]

    return asked
