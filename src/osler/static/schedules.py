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
            found.append(machine.invoke(machine, each, Arguments([Const(0)]), node) if known else Unknown())
    return found[0] if found and all(f == found[0] for f in found) else Unknown()
