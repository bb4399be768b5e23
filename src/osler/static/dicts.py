"""What is known of a dict that a call builds."""

from __future__ import annotations

import ast

from osler.model import Const, External, Series, Table, Value
from osler.static.machine import Machine
from osler.static.values import Arguments

MAKERS = frozenset({"dict", "OrderedDict", "Namespace", "SimpleNamespace", "EasyDict"})
"""What makes a dict, or something that is read by the names it is given."""


def built(machine: Machine, callee: External, arguments: Arguments, node: ast.expr) -> Table | None:
    """The dict that a call makes of named arguments, of another dict, or of a list of pairs.

    None if the call makes no dict, or what it is made of is not written down.
    """
    items = _items(arguments.at(0)) if callee.last in MAKERS else None
    if items is None or len(arguments.positional) > 1:
        return None
    return Table({**items, **arguments.named}, whole=not arguments.spread, place=machine.place(node))


def _items(given: Value | None) -> dict[object, Value] | None:
    match given:
        case None:
            return {}
        case Table(items=items, whole=True):
            return dict(items)
        case Series(items=pairs, whole=True):
            found = [_pair(pair) for pair in pairs]
            return None if None in found else dict(pair for pair in found if pair is not None)
        case _:
            return None


def _pair(value: Value) -> tuple[object, Value] | None:
    match value:
        case Series(items=[Const(value=str() | int() as key), second]):
            return key, second
        case _:
            return None
