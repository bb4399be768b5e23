"""Loops: a body is followed once, and again if it changes what kind of thing a name stands for."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from osler.model import (
    Branch,
    Changing,
    Const,
    ExitNode,
    Loop,
    Network,
    Node,
    Series,
    Table,
    Tensor,
    Unknown,
    Value,
)
from osler.static.conditions import condition, truth
from osler.static.iteration import element, source_of, unrolled
from osler.static.iterators import go_through, may_draw, may_stop
from osler.static.machine import Machine, Names
from osler.static.roles import baptized
from osler.static.shelf import once_per_node
from osler.static.sources import dotted
from osler.static.targets import bind, forget_item
from osler.static.values import Class, Instance
from osler.static.walking import walk


def follow_for(machine: Machine, node: ast.For | ast.AsyncFor) -> bool:
    """A `for` loop; whether the line behind it is reached."""
    over = machine.evaluate(machine, node.iter)
    if may_draw(machine, over) and not may_stop(node):
        go_through(machine, over, node.iter)
    name = dotted(node.iter)
    if name:
        over = baptized(over, name, machine.source, machine.place(node))
    items = unrolled(over)
    if items is not None and len(items) > 1:
        return _one_by_one(machine, node, items)

    def turn() -> bool:
        bind(machine, node.target, element(machine, over, node.iter), node.iter)
        return machine.execute(machine, node.body)

    _repeat(machine, node, source_of(over), turn)
    return machine.execute(machine, node.orelse)


def _one_by_one(machine: Machine, node: ast.For | ast.AsyncFor, items: list[Value]) -> bool:
    for item in items:
        with machine.collecting() as body, machine.assuming():
            bind(machine, node.target, item, node.iter)
            machine.execute(machine, node.body)
        machine.block.append(Loop(item, body, machine.place(node), once=True))
    return machine.execute(machine, node.orelse)


def follow_while(machine: Machine, node: ast.While) -> bool:
    """A `while` loop; whether the line behind it is reached."""
    known = truth(condition(machine, node.test))
    if known is False:
        return machine.execute(machine, node.orelse)

    def turn() -> bool:
        if known is None:
            condition(machine, node.test)
        return machine.execute(machine, node.body)

    ends = _repeat(machine, node, None, turn)
    return machine.execute(machine, node.orelse) if known is None else ends


def _repeat(machine: Machine, node: ast.AST, over: Value | None, turn: Callable[[], bool]) -> bool:
    """Follow a body once, and again if it changes what kind of thing a name stands for; whether it breaks."""
    _forget_counters(machine, node)
    mark = len(machine.journal)
    machine.turned += 1
    number = machine.turned
    machine.turning.append(number)
    machine.frame.loops.append(over)
    body = _turn(machine, turn)
    if _carry(machine, mark):
        body = _turn(machine, turn)
    machine.frame.loops.pop()
    machine.turning.pop()
    if body:
        machine.block.append(Loop(over, body, machine.place(node), number=number))
    return any(isinstance(n, ExitNode) and n.kind == "break" for n in _exits(body))


def _forget_counters(machine: Machine, node: ast.AST) -> None:
    """A number or flag that the body changes has no known value inside it, not even in the first turn."""
    names, paths = stored_in(node)
    for name in names:
        value = machine.frame.scope.find(name)
        if isinstance(value, Const) and value.value is not None:
            machine.assign(name, Changing(name))
    for name, *path in paths:
        owner = machine.frame.scope.find(name)
        for key in path[:-1]:
            owner = _kept(owner).get(key)
        if isinstance(owner, Series):
            forget_item(owner, Const(path[-1]))
        inherited = owner.cls.find(str(path[-1])) if isinstance(owner, Instance) else None
        value = _kept(owner).get(path[-1], inherited)
        if isinstance(value, Const) and value.value is not None:
            machine.write(_kept(owner), path[-1], Changing(str(path[-1])))


def _kept(owner: Value | None) -> Names:
    """What is known by its name or key in an object."""
    match owner:
        case Table():
            return owner.items
        case Instance() | Network() | Unknown():
            return owner.parts
        case Class():
            return owner.names
        case _:
            return {}


def _path(node: ast.expr) -> tuple[Any, ...]:
    match node:
        case ast.Name(id=name):
            return (name,)
        case ast.Attribute(value=owner, attr=key) | ast.Subscript(value=owner, slice=ast.Constant(value=key)):
            before = _path(owner)
            return (*before, key) if before else ()
        case _:
            return ()


@once_per_node
def stored_in(node: ast.AST) -> tuple[frozenset[str], frozenset[tuple[Any, ...]]]:
    """Names that are assigned below; attributes and items under constant keys: the name, keys from there."""
    names: set[str] = set()
    paths: set[tuple[Any, ...]] = set()
    for below in walk(node):
        if isinstance(below, ast.Name):
            if isinstance(below.ctx, ast.Store):
                names.add(below.id)
        elif isinstance(below, ast.Attribute | ast.Subscript) and isinstance(below.ctx, ast.Store):
            path = _path(below)
            paths |= {path} if len(path) > 1 else set()
    return frozenset(names), frozenset(paths)


def _turn(machine: Machine, turn: Callable[[], bool]) -> list[Node]:
    machine.turn_marks.append(len(machine.journal))
    with machine.collecting() as body, machine.assuming():
        turn()
    machine.turn_marks.pop()
    return body


def _exits(nodes: list[Node]) -> list[Node]:
    found: list[Node] = []
    for node in nodes:
        match node:
            case ExitNode():
                found.append(node)
            case Loop():
                pass
            case Branch():
                found += [e for way in node.ways for e in _exits(way)]
            case _:
                pass
    return found


def _carry(machine: Machine, mark: int) -> bool:
    """Join what the body has written with what was there; whether another turn may see more."""
    first: dict[tuple[int, object], tuple[Names, Value | object]] = {}
    for names, name, before in machine.journal[mark:]:
        first.setdefault((id(names), name), (names, before))
    matters = False
    for (_, name), (names, before) in first.items():
        after = names.get(name)
        if isinstance(before, Value) and after is not None and before is not after:
            matters |= _is_news(before, after)
            joined = machine.joiner.join(before, after)
            if isinstance(after, Tensor) and isinstance(joined, Tensor) and after.has_graph:
                joined = replace(joined, carried=joined.carried | {machine.turning[-1]})
            machine.write(names, name, joined)
    return matters


def _is_news(before: Value, after: Value) -> bool:
    match before, after:
        case Const(value=None), Const() | Unknown():
            return False
        case (Const(value=None), _) | (Network(), Network()):
            return True
        case Const(), _:
            return before != after
        case _, Tensor():
            return after.has_graph and not (isinstance(before, Tensor) and before.has_graph)
        case _:
            return False
