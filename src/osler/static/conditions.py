"""What a condition is worth, and which conditions certainly have the same value."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from types import MappingProxyType

from osler.model import (
    Const,
    Helper,
    Loss,
    Maybe,
    Network,
    Optimizer,
    Series,
    Table,
    Tensor,
    Unknown,
    Value,
)
from osler.static.machine import Machine
from osler.static.notes import note_call
from osler.static.shelf import once_per_node
from osler.static.tensors import operate
from osler.static.values import Arguments, Bound, Class, Function, Instance
from osler.static.walking import walk

Holds = Callable[[object, object], bool]

COMPARISONS: Mapping[type[ast.cmpop], Holds] = MappingProxyType(
    {
        ast.Eq: lambda a, b: a == b,
        ast.NotEq: lambda a, b: a != b,
        ast.Is: lambda a, b: a is b,
        ast.IsNot: lambda a, b: a is not b,
    }
)

TENSOR_COMPARISONS: Mapping[type[ast.cmpop], str] = MappingProxyType(
    {ast.Eq: "eq", ast.NotEq: "ne", ast.Lt: "lt", ast.LtE: "le", ast.Gt: "gt", ast.GtE: "ge"}
)
"""Operations of torch that comparisons stand for."""

ORDERS = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)

PURE = frozenset({"len", "isinstance", "hasattr", "callable", "bool", "int"})


def truth(value: Value) -> bool | None:
    """Whether a value is true; None if that is not known."""
    match value:
        case Const():
            return bool(value.value)
        case Series() | Table() if value.whole:
            return bool(value.items)
        case Network() | Optimizer() | Loss() | Helper() | Function() | Class() | Instance() | Bound():
            return True
        case _:
            return None


def condition(machine: Machine, node: ast.expr) -> Value:
    """The value of a test, as a constant where it is known."""
    match node:
        case ast.UnaryOp(op=ast.Not()):
            known = truth(condition(machine, node.operand))
            return Unknown() if known is None else Const(not known)
        case ast.Compare():
            return _comparison(machine, node)
        case _:
            return machine.evaluate(machine, node)


def _comparison(machine: Machine, node: ast.Compare) -> Value:
    left = machine.evaluate(machine, node.left)
    others = [machine.evaluate(machine, c) for c in node.comparators]
    if len(others) != 1:
        return Unknown()
    op, right = node.ops[0], others[0]
    if type(op) in COMPARISONS and isinstance(right, Const) and right.value is None:
        known = is_none(left)
        return Unknown() if known is None else Const(known is isinstance(op, ast.Is | ast.Eq))
    if isinstance(op, ORDERS) and _is_number(left) and _is_number(right):
        return _ordered(op, left, right)
    if isinstance(left, Const) and isinstance(right, Const) and type(op) in COMPARISONS:
        return Const(COMPARISONS[type(op)](left.value, right.value))
    if isinstance(op, ast.In | ast.NotIn) and isinstance(left, Const):
        return _membership(left, op, right)
    if isinstance(left, Tensor) or isinstance(right, Tensor):
        if isinstance(op, ast.Lt | ast.LtE | ast.Gt | ast.GtE):
            note_call(machine, "compare", Arguments([left, right, Const(text_of(node))]), node)
        if isinstance(op, ast.Eq):
            note_call(machine, "torch.eq", Arguments([left, right]), node)
        return operate(machine, TENSOR_COMPARISONS.get(type(op), "eq"), (left, right), node)
    return Unknown()


def _is_number(value: Value) -> bool:
    return isinstance(value, Const) and isinstance(value.value, int | float)


def _ordered(op: ast.cmpop, left: Value, right: Value) -> Value:
    match left, op, right:
        case Const(value=int() | float() as a), ast.Lt(), Const(value=int() | float() as b):
            return Const(a < b)
        case Const(value=int() | float() as a), ast.LtE(), Const(value=int() | float() as b):
            return Const(a <= b)
        case Const(value=int() | float() as a), ast.Gt(), Const(value=int() | float() as b):
            return Const(a > b)
        case Const(value=int() | float() as a), ast.GtE(), Const(value=int() | float() as b):
            return Const(a >= b)
        case _:
            return Unknown()


def _membership(left: Const, op: ast.cmpop, right: Value) -> Value:
    match right:
        case Series() if right.whole and all(isinstance(i, Const) for i in right.items):
            inside = left in right.items
        case Table() if right.whole:
            inside = left.value in right.items
        case Const(value=str() as text) if isinstance(left.value, str):
            inside = left.value in text
        case _:
            return Unknown()
    return Const(inside is isinstance(op, ast.In))


def is_none(value: Value) -> bool | None:
    """Whether a value is None; None if that is not known."""
    match value:
        case Const():
            return value.value is None
        case Maybe() | Unknown():
            return None
        case _:
            return False if type(value) is not Value else None


def key_of(machine: Machine, node: ast.expr) -> str:
    """Equal for conditions that certainly have the same value; empty if that cannot be told."""
    names = _names_in(node)
    if names is None:
        return ""
    find = machine.frame.scope.find
    return f"{text_of(node)}|{','.join([_identity(machine, find(name), name) for name in names])}"


@once_per_node
def text_of(node: ast.expr) -> str:
    """The source of an expression."""
    return ast.unparse(node)


@once_per_node
def _names_in(node: ast.expr) -> tuple[str, ...] | None:
    """Names that a condition depends on; None if it calls what may answer differently each time."""
    names: list[str] = []
    for part in walk(node):
        match part:
            case ast.Call(func=ast.Name(id=name)) if name in PURE:
                pass
            case ast.Call() | ast.Await() | ast.Yield() | ast.NamedExpr():
                return None
            case ast.Name():
                names.append(part.id)
            case _:
                pass
    return tuple(names)


def _identity(machine: Machine, value: Value | None, name: str) -> str:
    if value is None:
        return name
    if isinstance(value, Const):
        return repr(value.value)[:40]
    number, loops = machine.born(value)
    return f"#{number}" + "".join(f"@{n};" for n in loops)
