"""What a `with` statement changes for its body."""

from __future__ import annotations

import ast
from collections.abc import Callable
from contextlib import ExitStack

from osler.model import Const, External, Helper, Series, Unknown, Value
from osler.static.conditions import truth
from osler.static.expressions import arguments_of
from osler.static.machine import Machine
from osler.static.outside import switch
from osler.static.values import Arguments, Bound, Function, Instance


def released(machine: Machine, node: ast.expr) -> Value:
    """The context manager; a call of the user's own is not made yet, since the body runs inside it."""
    if isinstance(node, ast.Call):
        callee = machine.evaluate(machine, node.func)
        function = callee.function if isinstance(callee, Bound) else callee
        if isinstance(function, Function) and function.is_made("contextmanager"):
            return Series([callee], "pending")
        if isinstance(callee, External) and callee.last == "set_grad_enabled":  # it would switch at once
            return switch(callee.last, arguments_of(machine, node).at(0, "mode"))
    value = machine.evaluate(machine, node)
    if isinstance(value, External) and value.last in {"no_grad", "inference_mode"}:
        return switch(value.last, None)
    return value


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
            stack.enter_context(machine.recorded(truth(manager.options[0])))
            inside(Unknown())
        case Helper(role="autocast"):
            stack.enter_context(machine.lowered(is_half(manager)))
            inside(Unknown())
        case Series(kind="pending") if isinstance(node, ast.Call):
            _wrapped(machine, manager.items[0], arguments_of(machine, node), inside, node)
        case Instance():
            inside(_own(machine, manager, "enter", Arguments(), node))
            _own(machine, manager, "exit", Arguments([Const(None)] * 3), node)
        case _:
            stack.enter_context(machine.recorded(machine.recording))  # an ExitStack may be given a switch
            inside(manager)


def is_half(autocast: Helper) -> bool:
    """It certainly computes in float16."""
    given = autocast.options
    old = ".cuda.amp" in autocast.made  # its first argument is `enabled`
    device = Const("cuda") if old else given.get("device_type", given.get(0))
    enabled = given.get("enabled", given.get(0 if old else 2, Const(True)))
    dtype = given.get("dtype", given.get(1))
    by_itself = isinstance(device, Const) and str(device.value).startswith("cuda") and dtype is None
    asked = isinstance(dtype, External) and dtype.last in {"float16", "half"}
    return enabled == Const(True) and "**" not in given and (by_itself or asked)


def _own(machine: Machine, manager: Instance, name: str, arguments: Arguments, node: ast.expr) -> Value:
    """Call `__enter__` or `__exit__` of an object of the user's; the object itself if it has none."""
    found = manager.cls.find(f"__{name}__") or manager.cls.find(f"__a{name}__")
    return machine.run(machine, found, arguments, node, manager) if isinstance(found, Function) else manager


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
