"""Statements that were meant to update a parameter by hand and only give its name to a new tensor.

The source is read when nothing has been updated although gradients were computed, or when the script failed.
"""

from __future__ import annotations

import ast
import linecache
from collections.abc import Iterable, Iterator

from osler.model import Place, RebindFact

MAKES_A_LEAF = ("detach", "detach_", "requires_grad_", "requires_grad", "Parameter", "tensor", "clone")
"""Names that say that the new tensor is to be a parameter of its own."""


def rebinds(files: Iterable[str]) -> Iterator[RebindFact]:
    """All such statements in the user's files."""
    for file in sorted(files):
        source = "".join(linecache.getlines(file))
        if ".grad" not in source:
            continue
        try:
            tree = ast.parse(source)
        except (SyntaxError, ValueError):
            continue
        made = {ast.unparse(owner) for owner in owners(tree)}
        for statement, loops in statements(tree, ()):
            name = rebound(statement)
            if name and name not in made and not any(renews(loop, name) for loop in loops):
                yield RebindFact(
                    (Place(file, statement.lineno),), name, any(runs(loop, name) for loop in loops)
                )


def rebound(statement: ast.Assign) -> str:
    """The variable, if the statement computes its new value from its own gradient and no longer as a leaf."""
    name = ast.unparse(statement.targets[0])
    inside = list(ast.walk(statement.value))
    words = {n.attr for n in inside if isinstance(n, ast.Attribute)}
    words |= {n.id for n in inside if isinstance(n, ast.Name)}
    own = any(
        isinstance(n, ast.Attribute) and n.attr == "grad" and ast.unparse(n.value) == name for n in inside
    )
    return name if own and words.isdisjoint(MAKES_A_LEAF) else ""


def owners(tree: ast.AST) -> Iterator[ast.expr]:
    """What is made to require a gradient: by a call of the method, or by setting the attribute."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(value=owner, attr="requires_grad_" | "retain_grad")):
                yield owner
            case ast.Assign(targets=[ast.Attribute(value=owner, attr="requires_grad")]):
                yield owner
            case _:
                pass


Loops = tuple[ast.For | ast.While, ...]


def statements(node: ast.AST, loops: Loops) -> Iterator[tuple[ast.Assign, Loops]]:
    """Assignments to one target, with the loops around each."""
    if isinstance(node, ast.For | ast.While):
        loops = (*loops, node)
    if isinstance(node, ast.Assign) and len(node.targets) == 1:
        yield node, loops
    for child in ast.iter_child_nodes(node):
        yield from statements(child, loops)


def runs(loop: ast.For | ast.While, name: str) -> bool:
    """Whether the name is the variable of a `for` loop."""
    target = loop.target if isinstance(loop, ast.For) else None
    return target is not None and any(isinstance(n, ast.Name) and n.id == name for n in ast.walk(target))


def renews(loop: ast.For | ast.While, name: str) -> bool:
    """Whether each turn of a loop makes a new leaf of that name, with `requires_grad=...`."""
    return any(
        isinstance(node, ast.Assign)
        and ast.unparse(node.targets[0]) == name
        and any(isinstance(n, ast.keyword) and n.arg == "requires_grad" for n in ast.walk(node.value))
        for node in ast.walk(loop)
    )
