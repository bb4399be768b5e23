"""Models and optimizers that are given to code that cannot be read: it may do anything to them."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from osler.model import Helper, Kind, Maybe, Network, Optimizer, Parameters, Series, Table, Value
from osler.static.machine import Machine
from osler.static.touching import gradients_in, touch
from osler.static.values import Arguments, Bound, Doing, Function, Instance, Partial

DEEPEST = 3
"""Levels of containers and objects that are searched."""


def hand_over(machine: Machine, values: Iterable[Value], node: ast.AST) -> None:
    """Note what unknown code is given; functions among it may be called there."""
    for value in values:
        for thing in things_in(value):
            if isinstance(thing, Network | Optimizer):
                thing.handed = True
                machine.emit(Kind.HANDED, node, thing)
            elif isinstance(thing, Function | Bound):
                call_back(machine, thing, node)
        lend(value)
        for owner in gradients_in(value):
            touch(machine, owner, "written", None, node)


def lend(value: Value, depth: int = DEEPEST) -> None:
    """Schedules in a value may be stepped by whoever is given it."""
    match value:
        case Helper():
            value.handed = True
        case Doing(receiver=Helper() as helper):
            helper.handed = True
        case Series() | Table() if depth:
            for item in value.items if isinstance(value, Series) else value.items.values():
                lend(item, depth - 1)
        case _:
            pass


def things_in(value: Value, depth: int = DEEPEST) -> Iterator[Value]:
    """The models, optimizers and functions in a value."""
    inner: list[Value] = []
    match value:
        case Network() | Optimizer() | Function() | Bound():
            yield value
        case Maybe():
            inner = [value.value]
        case Parameters():
            inner = list(value.owners)
        case Series():
            inner = value.items
        case Table():
            inner = list(value.items.values())
        case Instance():
            inner = list(value.parts.values())
        case Partial():
            inner = [value.function, *value.positional, *(v for _, v in value.named)]
        case _:
            pass
    if depth:
        for part in inner:
            yield from things_in(part, depth - 1)


def call_back(machine: Machine, function: Function | Bound, node: ast.AST) -> None:
    """Unknown code is given a function: it is called once, with whatever its parameters stand for."""
    known = function.function if isinstance(function, Bound) else function
    if any(f.key == known.key for f in machine.frames) or not isinstance(node, ast.expr):
        return
    machine.lent += 1
    machine.invoke(machine, function, Arguments(spread=True), node)
    machine.lent -= 1
