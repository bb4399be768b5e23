"""The lines of a file by the function they stand in, with the loops and contexts around them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

from osler.model import Place
from osler.static.sources import Source, dotted
from osler.static.walking import walk

UNRECORDED = frozenset({"no_grad", "inference_mode", "set_grad_enabled"})

Def = ast.FunctionDef | ast.AsyncFunctionDef
Repeat = ast.For | ast.While


@dataclass(frozen=True, slots=True)
class Line:
    """A statement with what stands around it, in its own function.

    Attributes:
        node: the statement.
        loops: around it, outermost first.
        is_recorded: nothing around it says that gradients are off.
    """

    node: ast.stmt
    loops: tuple[Repeat, ...]
    is_recorded: bool


@dataclass(slots=True)
class Region:
    """Lines that share their variables: those of a module, or of a function.

    Attributes:
        source: the file.
        function: its name; empty for the lines of a module.
        given: parameters of the function.
        lines: in their order.
    """

    source: Source
    function: str
    given: frozenset[str] = frozenset()
    lines: list[Line] = field(default_factory=list[Line])

    def place(self, node: ast.stmt | ast.expr) -> Place:
        """The line of a statement or expression."""
        return Place(self.source.file, node.lineno, self.function, span=self.source.span(node))


def regions(source: Source) -> Iterator[Region]:
    """All of a file: its own lines, then those of each function and class."""
    if source.tree is None:
        return
    todo: list[tuple[Region, list[ast.stmt], bool]] = [(Region(source, ""), source.tree.body, True)]
    while todo:
        region, body, is_recorded = todo.pop()
        inner: list[tuple[Def | ast.ClassDef, bool]] = []
        gather(region, body, (), inner, is_recorded=is_recorded)
        yield region
        for node, recorded in inner:
            name = region.function if isinstance(node, ast.ClassDef) else node.name
            told_off = any(switches(d) for d in node.decorator_list)
            given = frozenset[str]() if isinstance(node, ast.ClassDef) else _parameters(node)
            todo.append((Region(source, name, given), node.body, recorded and not told_off))


def _parameters(node: Def) -> frozenset[str]:
    return frozenset(part.arg for part in walk(node.args) if isinstance(part, ast.arg))


def gather(
    region: Region,
    body: list[ast.stmt],
    loops: tuple[Repeat, ...],
    inner: list[tuple[Def | ast.ClassDef, bool]],
    *,
    is_recorded: bool,
) -> None:
    """Add lines to a region; functions and classes among them are put aside."""
    for node in body:
        region.lines.append(Line(node, loops, is_recorded))
        if isinstance(node, Def | ast.ClassDef):
            inner.append((node, is_recorded))
            continue
        off = isinstance(node, ast.With | ast.AsyncWith) and any(switches(i.context_expr) for i in node.items)
        within = (*loops, node) if isinstance(node, Repeat) else loops
        for below in blocks(node):
            gather(region, below, within, inner, is_recorded=is_recorded and not off)


def statements(tree: ast.Module) -> Iterator[ast.stmt]:
    """Every statement of a file, outer ones before those inside them."""
    todo: list[ast.stmt] = [*tree.body]
    for node in todo:
        yield node
        for below in blocks(node):
            todo += below


def blocks(node: ast.stmt) -> Iterator[list[ast.stmt]]:
    """The statements inside a statement, block by block."""
    for name in ("body", "orelse", "finalbody"):
        if below := getattr(node, name, None):
            yield below
    for part in (*getattr(node, "handlers", ()), *getattr(node, "cases", ())):
        yield part.body


def own(node: ast.stmt) -> Iterator[ast.AST]:
    """Everything in a statement but the statements inside it."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.stmt | ast.excepthandler | ast.match_case):
            yield from walk(child)


def switches(node: ast.expr) -> bool:
    """It is one of the contexts that switch the recording of gradients off, or may."""
    function = node.func if isinstance(node, ast.Call) else node
    return dotted(function).rpartition(".")[2] in UNRECORDED
