"""What a `with` statement changes for its body."""

from __future__ import annotations

import ast
from collections.abc import Callable
from contextlib import ExitStack

from osler.model import Const, External, Helper, Series, Unknown, Value
from osler.static.conditions import truth
from osler.static.expressions import arguments_of
from osler.static.machine import Machine
from osler.static.values import Arguments, Bound, Function

OFF = frozenset({"no_grad", "inference_mode"})


def released(machine: Machine, node: ast.expr) -> Value:
    """The context manager; a call of the user's own is not made yet, since the body runs inside it."""
    if isinstance(node, ast.Call):
        callee = machine.evaluate(machine, node.func)
        function = callee.function if isinstance(callee, Bound) else callee
        if isinstance(function, Function) and function.is_made("contextmanager"):
            return Series([callee], "pending")
        if isinstance(callee, External) and callee.last in {*OFF, "enable_grad", "set_grad_enabled"}:
            given = machine.evaluate(machine, node.args[0]) if node.args else Const(True)
            return _switch(callee.last, given)
    value = machine.evaluate(machine, node)
    if isinstance(value, External) and value.last in OFF:
        return _switch(value.last, Const(True))
    return value


def _switch(name: str, given: Value) -> Value:
    known = truth(given)
    off = None if known is None else not known
    on = {"enable_grad": True, "set_grad_enabled": known}.get(name, off)
    return Helper("recording", name, options={0: Const(on)})


def enter(
    machine: Machine,
    manager: Value,
    inside: Callable[[Value], None],
    node: ast.expr,
    stack: ExitStack,
) -> None:
    """Run the body inside the manager."""
    match manager:
        case Helper(role="recording"):
            on = manager.options[0]
            assert isinstance(on, Const)
            state = on.value if isinstance(on.value, bool) else None
            stack.enter_context(machine.recorded(state))
            inside(Unknown())
        case Series(kind="pending") if isinstance(node, ast.Call):
            _wrapped(machine, manager.items[0], arguments_of(machine, node), inside, node)
        case _:
            inside(manager)


def _wrapped(
    machine: Machine, callee: Value, arguments: Arguments, inside: Callable[[Value], None], node: ast.Call
) -> None:
    frame = machine.frame
    done: list[bool] = []

    def at_yield(value: Value) -> None:
        inner = machine.frames[:]
        machine.frames[:] = machine.frames[: machine.frames.index(frame) + 1]
        if not done:
            done.append(True)
            inside(value)
        machine.frames[:] = inner

    machine.pending = at_yield
    machine.invoke(machine, callee, arguments, node)
    machine.pending = None
    if not done:
        inside(Unknown())
