"""What the source says of the loop around a call: do its passes come to their end, does it heed sizes?"""

from __future__ import annotations

import ast
import linecache
from collections.abc import Iterator

from osler.model import Site

SIZES = ("len", "size", "numel", "shape", "batch_size")
"""Names by which a condition asks how large a batch is."""

SHORTENERS = ("islice", "zip", "range", "take", "head")
"""Names of functions that may end before a loader does."""

Loop = ast.For | ast.While
Scope = ast.For | ast.While | ast.FunctionDef | ast.AsyncFunctionDef


def scopes(site: Site) -> Iterator[Scope]:
    """Around each line of a site the innermost loop, or the function if there is no loop in it."""
    for place in site:
        try:
            tree = ast.parse("".join(linecache.getlines(place.file)))
        except (SyntaxError, ValueError):
            continue
        around = [n for n in ast.walk(tree) if isinstance(n, Scope) and is_inside(n, place.line)]
        innermost = max((n.lineno for n in around if not isinstance(n, Loop)), default=0)
        loops = [n for n in around if isinstance(n, Loop) and n.lineno >= innermost]
        if loops or around:
            yield max(loops or around, key=lambda n: n.lineno)


def is_inside(node: Scope, line: int) -> bool:
    """Whether a line belongs to a loop or a function."""
    return node.lineno <= line <= (node.end_lineno or 0)


def may_end_early(site: Site) -> bool:
    """Whether the loop around a call may leave a pass before its last batch, or no loop is in sight."""
    loop = next((scope for scope in scopes(site) if isinstance(scope, Loop)), None)
    if not isinstance(loop, ast.For) or any(n in SHORTENERS for n in names(loop.iter)):
        return True
    return any(isinstance(node, ast.Break | ast.Return) for part in loop.body for node in ast.walk(part))


def heeds_size(site: Site) -> bool:
    """Whether something around a call depends on how large a batch is, or catches errors."""
    for node in (n for scope in scopes(site) for n in ast.walk(scope)):
        if isinstance(node, ast.Try):
            return True
        if isinstance(node, ast.If | ast.IfExp | ast.While) and any(n in SIZES for n in names(node.test)):
            return True
    return False


def names(expression: ast.expr) -> Iterator[str]:
    """All names and attributes in an expression."""
    for node in ast.walk(expression):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
