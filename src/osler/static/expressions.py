"""The value of every kind of expression."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from osler.model import (
    Const,
    External,
    Length,
    Loop,
    Maybe,
    Parameters,
    Series,
    Table,
    Tensor,
    Unknown,
    Value,
)
from osler.static.attributes import attribute
from osler.static.conditions import condition, text_of, truth
from osler.static.iteration import element, subscript
from osler.static.iterators import decided, drawing, drawn_by_call, go_through
from osler.static.kept_weights import keeps_values, kept_as, weights_in
from osler.static.machine import Machine
from osler.static.notes import note_call
from osler.static.overwriting import note_sum
from osler.static.parameters import joined
from osler.static.targets import bind
from osler.static.tensors import operate
from osler.static.values import Arguments, Super, function_of

BUILTINS = frozenset(dir(builtins))

ARITHMETIC: Mapping[type[ast.operator], Callable[[int | float, int | float], int | float]] = MappingProxyType(
    {
        ast.Add: lambda a, b: a + b,
        ast.Sub: lambda a, b: a - b,
        ast.Mult: lambda a, b: a * b,
        ast.Div: lambda a, b: a / b,
        ast.FloorDiv: lambda a, b: a // b,
        ast.Mod: lambda a, b: a % b,
    }
)

DIVIDES = (ast.Div, ast.FloorDiv, ast.Add, ast.Sub)
"""Operators that leave a number of batches one."""

LARGEST = 1e12
"""Numbers beyond are not computed."""


def evaluate(machine: Machine, node: ast.expr) -> Value:
    """The value of an expression; what it does is noted on the way."""
    if not machine.spend():
        return Unknown()
    handler = HANDLERS.get(type(node))
    if handler is None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                evaluate(machine, child)
        return Unknown()
    return handler(machine, node)


def _constant(machine: Machine, node: ast.Constant) -> Value:
    del machine
    return Const(node.value)


def _name(machine: Machine, node: ast.Name) -> Value:
    value = machine.frame.scope.find(node.id)
    if isinstance(value, Const) and value.value is not None and node.id in machine.frame.scope.outward:
        return Unknown(node.id)  # a function that counts in a name outside itself counts at every call
    if value is not None:
        return value
    if node.id in BUILTINS:
        return External(f"builtins.{node.id}")
    return Unknown(node.id)


def _attribute(machine: Machine, node: ast.Attribute) -> Value:
    return attribute(machine, evaluate(machine, node.value), node.attr, node)


def _call(machine: Machine, node: ast.Call) -> Value:
    if isinstance(node.func, ast.Name) and node.func.id == "super":
        frame = machine.frame
        if frame.owner is not None and frame.cls is not None:
            return Super(frame.owner, frame.cls)
    target, machine.target = machine.target, ""
    callee = _callee(machine, node.func)
    arguments = arguments_of(machine, node)
    machine.target = target
    result = machine.invoke(machine, callee, arguments, node)
    machine.target = ""
    return drawn_by_call(machine, callee, arguments, result, node)


def arguments_of(machine: Machine, node: ast.Call) -> Arguments:
    """The values that a call is given."""
    arguments = Arguments()
    for argument in node.args:
        _positional(machine, argument, arguments)
    for keyword in node.keywords:
        value = evaluate(machine, keyword.value)
        if keyword.arg is not None:
            arguments.named[keyword.arg] = value
        elif isinstance(value, Table) and value.whole:
            arguments.named |= {k: v for k, v in value.items.items() if isinstance(k, str)}
        else:
            arguments.spread = True
    return arguments


def _callee(machine: Machine, node: ast.expr) -> Value:
    if isinstance(node, ast.Attribute):
        return attribute(machine, evaluate(machine, node.value), node.attr, node, called=True)
    return evaluate(machine, node)


def _positional(machine: Machine, argument: ast.expr, arguments: Arguments) -> None:
    if not isinstance(argument, ast.Starred):
        arguments.positional.append(evaluate(machine, argument))
        return
    value = evaluate(machine, argument.value)
    if isinstance(value, Series):
        arguments.positional.extend(value.items)
        arguments.spread |= not value.whole
    else:
        arguments.spread = True
        if not isinstance(value, Const):
            arguments.positional.append(element(machine, value, argument))


def _binary(machine: Machine, node: ast.BinOp) -> Value:
    left, right = evaluate(machine, node.left), evaluate(machine, node.right)
    match left, right:
        case Const(value=int() | float() as a), Const(value=int() | float() as b):
            return _computed(node.op, a, b)
        case Length(), _ if not isinstance(right, Tensor):
            return _lengthened(node.op, left, right)
        case _, Length() if isinstance(node.op, ast.Add | ast.Mult) and not isinstance(left, Tensor | Series):
            return _lengthened(node.op, right, left)
        case Series(), Series() if isinstance(node.op, ast.Add):
            return Series([*left.items, *right.items], left.kind, left.whole and right.whole, left.place)
        case ((Parameters() | Series()), (Parameters() | Series())) if isinstance(node.op, ast.Add):
            return joined([left, right])
        case Series(), _ if isinstance(node.op, ast.Mult):
            times = right.value if isinstance(right, Const) else 2
            if times not in (0, 1):
                note_call(machine, "list.*", Arguments(_made_in(node.left, left)), node)
            count = times if isinstance(times, int) and 0 < times < 5 else 2
            return Series(left.items * count, left.kind, whole=False, place=left.place)
        case _:
            pass
    if isinstance(node.op, ast.Sub) and (_is_column(left) or _is_column(right)):
        note_call(machine, "-", Arguments([left, right]), node)
    if isinstance(node.op, ast.MatMult):
        note_call(machine, "torch.matmul", Arguments([left, right]), node)
    if isinstance(node.op, ast.Div) and isinstance(right, Length) and right.plain:
        note_call(machine, "/", Arguments([left, right]), node)
    out: Value = Unknown()
    if any(isinstance(v, Tensor) for v in (left, right)):
        name = type(node.op).__name__.lower()
        out = _scaled(machine, node, left, right, operate(machine, name, (left, right), node))
    if isinstance(node.op, ast.Add):
        note_sum(machine, (left, right), out, node)
    return out


def _is_column(value: Value) -> bool:
    """It may still be the one column that a layer has put out."""
    return isinstance(value, Tensor) and value.activation is not None and value.activation.layer is not None


def _lengthened(op: ast.operator, length: Length, other: Value) -> Value:
    """A length, computed on; a share of another length is none."""
    if isinstance(op, ast.Mult):
        return replace(length, plain=False, times=True)
    if not isinstance(op, DIVIDES) or (isinstance(op, ast.Div | ast.FloorDiv) and isinstance(other, Length)):
        return Unknown()
    times = length.times or (isinstance(other, Length) and other.times)
    return replace(length, plain=False, times=times)


def _made_in(node: ast.expr, made: Series) -> list[Value]:
    """Items of a list that are made in it; what has a name is shared on purpose."""
    written = node.elts if isinstance(node, ast.List | ast.Tuple) else []
    pairs = zip(written, made.items, strict=False)
    return [value for item, value in pairs if isinstance(item, ast.Call)]


def _scaled(machine: Machine, node: ast.BinOp, left: Value, right: Value, out: Tensor) -> Tensor:
    """A loss times or divided by a plain number is still that loss."""
    del machine
    losses = [v for v in (left, right) if isinstance(v, Tensor) and v.reduced]
    if len(losses) != 1 or any(isinstance(v, Tensor) and v is not losses[0] for v in (left, right)):
        return out
    reduced = "scaled" if isinstance(node.op, ast.Mult | ast.Div) else losses[0].reduced
    return replace(out, reduced=reduced)


def _computed(op: ast.operator, a: int | float, b: int | float) -> Value:
    function = ARITHMETIC.get(type(op))
    if function is None or abs(a) > LARGEST or abs(b) > LARGEST:
        return Unknown()
    try:
        return Const(function(a, b))
    except (ZeroDivisionError, OverflowError):
        return Unknown()


def _unary(machine: Machine, node: ast.UnaryOp) -> Value:
    if isinstance(node.op, ast.Not):
        return condition(machine, node)
    value = evaluate(machine, node.operand)
    match value:
        case Const(value=int() | float() as number) if isinstance(node.op, ast.USub):
            return Const(-number)
        case Tensor():
            return operate(machine, "neg", (value,), node)
        case _:
            return Unknown()


def _boolean(machine: Machine, node: ast.BoolOp) -> Value:
    value = evaluate(machine, node.values[0])
    stop = isinstance(node.op, ast.Or)
    for operand in node.values[1:]:
        known = truth(value)
        if known is stop:
            return value
        with decided(machine, node.values[0]):
            other = evaluate(machine, operand) if known is not None else _perhaps(machine, operand)
        if known is None and isinstance(value, Maybe) and stop:
            value = value.value
        value = other if known is not None else machine.joiner.join(value, other)
    return value


def _perhaps(machine: Machine, node: ast.expr) -> Value:
    """The value of an expression that may not be evaluated at all."""
    values: list[Value] = []

    def way() -> bool:
        values.append(evaluate(machine, node))
        return True

    machine.fork("", (way, lambda: True))
    return values[0]


def _choice(machine: Machine, node: ast.IfExp) -> Value:
    known = truth(condition(machine, node.test))
    if known is not None:
        with decided(machine, node.test):
            return evaluate(machine, node.body if known else node.orelse)
    values: list[Value] = []

    def way(expression: ast.expr) -> bool:
        values.append(evaluate(machine, expression))
        return True

    text = text_of(node.test)
    machine.fork("", (lambda: way(node.body), lambda: way(node.orelse)), (text, f"not {text}"))
    return machine.joiner.join(*values)


def _subscript(machine: Machine, node: ast.Subscript) -> Value:
    owner = evaluate(machine, node.value)
    return subscript(machine, owner, evaluate(machine, node.slice), node)


def _series(machine: Machine, node: ast.List | ast.Tuple | ast.Set) -> Value:
    found = Series([], type(node).__name__.lower(), place=machine.place(node))
    for item in node.elts:
        if isinstance(item, ast.Starred):
            inner = evaluate(machine, item.value)
            found.items.extend(inner.items if isinstance(inner, Series) else [element(machine, inner, item)])
            found.whole &= isinstance(inner, Series) and inner.whole
        else:
            found.items.append(evaluate(machine, item))
    return found


def _table(machine: Machine, node: ast.Dict) -> Value:
    found = Table({}, place=machine.place(node))
    for key, item in zip(node.keys, node.values, strict=True):
        value = evaluate(machine, item)
        name = evaluate(machine, key) if key is not None else value
        if isinstance(name, Const) and key is not None:
            found.items[name.value] = value
        elif key is None and isinstance(value, Table):
            found.items |= value.items
            found.whole &= value.whole
        else:
            found.items[(item.lineno, item.col_offset)] = value
            found.whole = False
    return found


def _comprehension(
    machine: Machine, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp
) -> Value:
    over = evaluate(machine, node.generators[0].iter)
    if not isinstance(node, ast.GeneratorExp):
        go_through(machine, over, node.generators[0].iter)
    with machine.collecting() as body, machine.inner_scope():
        for number, generator in enumerate(node.generators):
            source = over if number == 0 else evaluate(machine, generator.iter)
            bind(machine, generator.target, element(machine, source, generator.iter), generator.iter)
            for test in generator.ifs:
                condition(machine, test)
        if isinstance(node, ast.DictComp):
            evaluate(machine, node.key)
            item = evaluate(machine, node.value)
        else:
            item = evaluate(machine, node.elt)
    if body:
        machine.block.append(Loop(over, body, machine.place(node)))
    if isinstance(node, ast.DictComp):
        if (weights := weights_in(over)) is not None and keeps_values(node):
            return kept_as(weights, machine.target)
        return Table({"": item}, whole=False, place=machine.place(node))
    kind = "list" if isinstance(node, ast.ListComp) else "tuple"
    items = Series([item], kind, whole=False, place=machine.place(node))
    return drawing(machine, over, items) if isinstance(node, ast.GeneratorExp) else items


def _lambda(machine: Machine, node: ast.Lambda) -> Value:
    return function_of(node, machine.frame.scope, machine.source)


def _walrus(machine: Machine, node: ast.NamedExpr) -> Value:
    value = evaluate(machine, node.value)
    bind(machine, node.target, value, node)
    return value


def _inner(machine: Machine, node: ast.Starred | ast.Await) -> Value:
    return evaluate(machine, node.value)


def _yield(machine: Machine, node: ast.Yield | ast.YieldFrom) -> Value:
    value = evaluate(machine, node.value) if node.value is not None else Const(None)
    frame = machine.frame
    if frame.at_yield is not None:
        frame.at_yield(value)
    else:
        frame.yields.append(element(machine, value, node) if isinstance(node, ast.YieldFrom) else value)
    return Unknown()


def _compare(machine: Machine, node: ast.Compare) -> Value:
    return condition(machine, node)


def _text(machine: Machine, node: ast.JoinedStr) -> Value:
    for part in node.values:
        if isinstance(part, ast.FormattedValue) and isinstance(part.value, ast.Call):
            evaluate(machine, part.value)
    return Unknown()


HANDLERS: Mapping[type[ast.expr], Callable[[Machine, Any], Value]] = MappingProxyType(
    {
        ast.Constant: _constant,
        ast.Name: _name,
        ast.Attribute: _attribute,
        ast.Call: _call,
        ast.BinOp: _binary,
        ast.UnaryOp: _unary,
        ast.BoolOp: _boolean,
        ast.Compare: _compare,
        ast.IfExp: _choice,
        ast.Subscript: _subscript,
        ast.List: _series,
        ast.Tuple: _series,
        ast.Set: _series,
        ast.Dict: _table,
        ast.ListComp: _comprehension,
        ast.SetComp: _comprehension,
        ast.GeneratorExp: _comprehension,
        ast.DictComp: _comprehension,
        ast.Lambda: _lambda,
        ast.NamedExpr: _walrus,
        ast.Starred: _inner,
        ast.Await: _inner,
        ast.Yield: _yield,
        ast.YieldFrom: _yield,
        ast.JoinedStr: _text,
    }
)
"""What evaluates each kind of expression."""
