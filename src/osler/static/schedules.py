"""Schedules of learning rates: what makes them, and what they begin with."""

from __future__ import annotations

import ast

from osler.model import Const, External, Helper, Kind, Optimizer, Series, Unknown, Value
from osler.static.handing import lend
from osler.static.knowledge import SCHEDULES
from osler.static.machine import Machine
from osler.static.values import Arguments, Bound, Function, Instance, Partial


def build_schedule(machine: Machine, callee: External, arguments: Arguments, node: ast.expr) -> Value | None:
    """The schedule that a call makes, None if it makes none."""
    if not SCHEDULES.search(callee.last) or callee.name.startswith("torch.nn"):
        return None
    about = next((v for v in arguments.every() if isinstance(v, Optimizer)), None)
    for inner in arguments.every():
        lend(inner)
    options = arguments.options()
    if callee.last == "LambdaLR":
        options["first"] = _first_factor(machine, arguments.at(1, "lr_lambda"), node)
    helper = Helper("schedule", machine.target, callee.name, machine.place(node), options, about)
    machine.emit(Kind.BUILD, node, helper)
    return helper


def _first_factor(machine: Machine, function: Value | None, node: ast.expr) -> Value:
    """What the function of a schedule gives for step 0; for several, if it is the same."""
    functions = function.items if isinstance(function, Series) and function.whole else [function]
    found: list[Value] = []
    with machine.collecting():
        for each in functions:
            known = isinstance(each, Function | Bound | Partial | Instance)
            first = machine.invoke(machine, each, Arguments([Const(0)]), node) if known else Unknown()
            found.append(Const(0) if isinstance(each, Function) and _begins_at_zero(each) else first)
    return found[0] if found and all(f == found[0] for f in found) else Unknown()


def _begins_at_zero(function: Function) -> bool:
    """`lambda step: step / warmup` is 0 for step 0, whatever the warm-up is."""
    match function.node:
        case ast.Lambda(args=ast.arguments(args=[ast.arg(arg=step)]), body=body):
            return _vanishes(body, step)
        case ast.FunctionDef(args=ast.arguments(args=[ast.arg(arg=step)]), body=[ast.Return(value=body)]):
            return _vanishes(body, step)
        case _:
            return False


def _vanishes(node: ast.expr | None, step: str) -> bool:
    match node:
        case ast.Name(id=name):
            return name == step
        case ast.BinOp(left=left, op=ast.Div() | ast.FloorDiv()):
            return _vanishes(left, step)
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            return _vanishes(left, step) or _vanishes(right, step)
        case ast.Call(func=ast.Name(id="float" | "int"), args=[inner]):
            return _vanishes(inner, step)
        case ast.Call(func=ast.Name(id="min"), args=[*given]):
            rest = [g for g in given if not _vanishes(g, step)]
            return len(rest) < len(given) and all(_is_positive(r) for r in rest)
        case _:
            return False


def _is_positive(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, int | float) and node.value > 0
