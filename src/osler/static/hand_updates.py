"""Updates of parameters that the source writes by hand, and that change nothing or are refused by torch."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from osler.model import HandUpdateFact
from osler.static.regions import Def, Line, Region, gather, own, regions, statements, switches
from osler.static.sources import Source, dotted
from osler.static.walking import walk

MAKES_A_LEAF = frozenset(
    {"detach", "detach_", "requires_grad_", "requires_grad", "Parameter", "Variable", "tensor", "clone"}
)
"""Names that say that the new tensor is to be a parameter of its own."""

GRADIENT = re.compile(r"\.\s*grad\b")
"""Text without which nothing is updated by hand."""

RENEWS = frozenset({"requires_grad", "requires_grad_", "retain_grad", "detach_", "grad_fn", "is_leaf"})
"""Attributes of a tensor with which the source takes care that it is a leaf, or asks."""


def hand_updates(source: Source) -> Iterator[HandUpdateFact]:
    """What is wrong with the updates by hand in a file."""
    if not GRADIENT.search(source.text) or source.tree is None:
        return
    for region in regions(source):
        yield from _rebound_in_turns(region)
        leaves = _leaves(region)
        yield from _rebound(region, leaves)
        yield from _refused(region, leaves)
    for node in statements(source.tree):
        if isinstance(node, ast.ClassDef):
            yield from _rebound_attributes(source, node)


def _updates(line: Line) -> Iterator[tuple[str, ast.expr]]:
    """What a statement computes from its own gradient and gives its own name."""
    match line.node:
        case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=values)):
            pairs = list(zip(names, values, strict=False))
        case ast.Assign(targets=[target], value=value):
            pairs = [(target, value)]
        case _:
            return
    for target, value in pairs:
        name = dotted(target)
        if name and _uses_gradient(value, name) and not _makes_a_leaf(value):
            yield name, value


def _uses_gradient(value: ast.expr, name: str) -> bool:
    return any(isinstance(n, ast.Attribute) and dotted(n) == f"{name}.grad" for n in walk(value))


def _makes_a_leaf(value: ast.expr) -> bool:
    return any(
        (isinstance(n, ast.Attribute) and n.attr in MAKES_A_LEAF)
        or (isinstance(n, ast.Name) and n.id in MAKES_A_LEAF)
        or (isinstance(n, ast.keyword) and n.arg == "requires_grad")
        for n in walk(value)
    )


def _rebound_in_turns(region: Region) -> Iterator[HandUpdateFact]:
    """`for p in parameters: p = p - lr * p.grad`, and nothing is done with the new `p`."""
    for line in region.lines:
        loop = line.loops[-1] if line.loops else None
        for name, _ in _updates(line) if isinstance(loop, ast.For) else ():
            if (
                isinstance(loop, ast.For)
                and name in {n.id for n in walk(loop.target) if isinstance(n, ast.Name)}
                and not _goes_backward(loop)  # then it is data that has a gradient
                and not _has_optimizer(region)
                and not _takes_care(loop, name)
                and not _is_used_behind(region, line.node, name)
            ):
                yield HandUpdateFact((region.place(line.node),), name, "loop")


def _has_optimizer(region: Region) -> bool:
    return any(
        isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute) and n.func.attr == "step"
        for line in region.lines
        for n in own(line.node)
    )


def _is_used_behind(region: Region, node: ast.stmt, name: str) -> bool:
    """The name is read further down, other than to clear its gradient."""
    end = (node.end_lineno or node.lineno, node.end_col_offset or 0)
    behind = [s.node for s in region.lines if (s.node.lineno, s.node.col_offset) >= end]
    cleared = {
        id(n.value) for s in behind for n in walk(s) if isinstance(n, ast.Attribute) and n.attr == "grad"
    }
    return any(
        isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Load) and id(n) not in cleared
        for s in behind
        for n in walk(s)
    )


def _leaves(region: Region) -> dict[str, Line]:
    """Names that stand for one parameter from the line on that makes it; given nothing else but updates."""
    made: dict[str, Line] = {}
    spoiled: set[str] = set()
    for line in region.lines:
        if isinstance(line.node, ast.Assign) and any(True for _ in _updates(line)):
            continue
        for name, value in _given(line.node):
            if name in made or not _is_parameter(value):
                spoiled.add(name)
            made[name] = line
    return {name: line for name, line in made.items() if name not in spoiled}


def _given(node: ast.stmt) -> Iterator[tuple[str, ast.expr | None]]:
    """Names that a statement gives a value, with the value where it is its own."""
    match node:
        case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=values)) if len(names) == len(
            values
        ):
            yield from ((dotted(n), v) for n, v in zip(names, values, strict=True) if dotted(n))
        case ast.Assign(targets=[target], value=value) if dotted(target):
            yield dotted(target), value
        case ast.Assign() | ast.AnnAssign() | ast.For() | ast.AsyncFor() | ast.With() | ast.AsyncWith():
            heads = [*getattr(node, "targets", ()), getattr(node, "target", None)]
            heads += [i.optional_vars for i in getattr(node, "items", ())]
            for part in (n for head in heads if head is not None for n in walk(head)):
                if isinstance(part, ast.Name | ast.Attribute) and isinstance(part.ctx, ast.Store):
                    yield dotted(part), None
        case _:
            pass


def _is_parameter(value: ast.expr | None) -> bool:
    """It is made as a leaf that requires a gradient."""
    match value:
        case ast.Call(func=ast.Attribute(attr="requires_grad_"), args=[], keywords=[]):
            return True
        case ast.Call(func=function) if dotted(function).rpartition(".")[2] == "Parameter":
            return not value.keywords
        case ast.Call(func=function) if dotted(function).startswith("torch."):
            return any(
                k.arg == "requires_grad" and isinstance(k.value, ast.Constant) and k.value.value is True
                for k in value.keywords
            )
        case _:
            return False


def _rebound(region: Region, leaves: dict[str, Line]) -> Iterator[HandUpdateFact]:
    """`w = w - lr * w.grad` in a loop that does not make `w`: from its second turn on `w` is no leaf."""
    for line in region.lines:
        for name, _ in _updates(line):
            made = leaves.get(name)
            if made is None or not line.loops or line.loops[-1] in made.loops:
                continue
            if not _takes_care(line.loops[0], name) and _goes_backward(line.loops[-1]):
                yield HandUpdateFact((region.place(line.node),), name, "name", (region.place(made.node),))


def _takes_care(node: ast.AST, name: str) -> bool:
    """Somewhere inside, the name is made a leaf again."""
    return any(
        isinstance(n, ast.Attribute) and n.attr in RENEWS and dotted(n.value) == name for n in walk(node)
    )


def _goes_backward(node: ast.AST) -> bool:
    return any(isinstance(n, ast.Attribute) and n.attr == "backward" for n in walk(node))


def _refused(region: Region, leaves: dict[str, Line]) -> Iterator[HandUpdateFact]:
    """`w -= lr * w.grad` while gradients are recorded."""
    if not any(isinstance(line.node, ast.AugAssign) for line in region.lines):
        return
    if any(isinstance(n.node, ast.Expr) and switches(n.node.value) for n in region.lines):
        return
    statements = (line.node for line in region.lines if not isinstance(line.node, Def | ast.ClassDef))
    if not any(map(_goes_backward, statements)):
        return
    for line in region.lines:
        match line.node:
            case ast.AugAssign(target=ast.Name(id=name), value=value) if _uses_gradient(value, name):
                made = leaves.get(name)
                if line.is_recorded and (made is not None or _is_of_model(line, name)):
                    leaf = (region.place(made.node),) if made is not None else ()
                    yield HandUpdateFact((region.place(line.node),), name, "recorded", leaf)
            case _:
                pass


def _is_of_model(line: Line, name: str) -> bool:
    """It is the variable of the loop around it, over the parameters of a model."""
    match line.loops[-1] if line.loops else None:
        case ast.For(
            target=target, iter=ast.Call(func=ast.Attribute(attr="parameters" | "named_parameters"))
        ):
            return name in {n.id for n in walk(target) if isinstance(n, ast.Name)}
        case _:
            return False


def _rebound_attributes(source: Source, cls: ast.ClassDef) -> Iterator[HandUpdateFact]:
    """`self.w = self.w - lr * self.w.grad` in a class that makes `self.w` once, as a parameter."""
    region = Region(source, "")
    for node in cls.body:
        if isinstance(node, Def):
            own = Region(source, node.name)
            gather(own, node.body, (), [], is_recorded=True)
            region.lines += own.lines
    leaves = {n: made for n, made in _leaves(region).items() if n.startswith("self.")}
    for line in region.lines:
        for name, _ in _updates(line):
            if name in leaves and not _takes_care(cls, name):
                site = (region.place(line.node),)
                yield HandUpdateFact(site, name, "name", (region.place(leaves[name].node),))
