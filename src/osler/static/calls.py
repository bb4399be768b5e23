"""Calls: the user's own are followed, others are looked up, and what goes to unknown code is noted."""

from __future__ import annotations

import ast

from osler.model import (
    CallNode,
    Const,
    External,
    Loader,
    Loss,
    Maybe,
    Network,
    Series,
    Table,
    Tensor,
    Unknown,
    Value,
    flat,
)
from osler.static.forward import call_network
from osler.static.handing import hand_over
from osler.static.iterators import keep
from osler.static.losses import call_loss
from osler.static.machine import DEEPEST, Frame, Machine
from osler.static.methods import perform
from osler.static.objects import instantiate
from osler.static.outside import call_external
from osler.static.roles import baptized, guess
from osler.static.unions import united
from osler.static.values import (
    Arguments,
    Bound,
    Class,
    Def,
    Doing,
    Function,
    Instance,
    Partial,
    Scope,
    UserNetwork,
)


def invoke(machine: Machine, callee: Value, arguments: Arguments, node: ast.expr) -> Value:
    """The value of a call; what it does is noted."""
    match callee:
        case Function():
            return run(machine, callee, arguments, node)
        case Bound(owner=UserNetwork() as network) if _is_forward(callee, network):
            return call_network(machine, network, arguments, node)
        case Bound():
            return run(machine, callee.function, arguments, node, callee.owner)
        case Class():
            return instantiate(machine, callee, arguments, node)
        case External():
            return call_external(machine, callee, arguments, node)
        case Network():
            return call_network(machine, callee, arguments, node)
        case Loss():
            return call_loss(machine, callee, arguments, node)
        case Doing():
            return perform(machine, callee, arguments, node)
        case _:
            return _other(machine, callee, arguments, node)


def _is_forward(callee: Bound, network: UserNetwork) -> bool:
    """It is what calling the module does; `super().forward` is not."""
    if network.cls is None or callee.function.name != "forward":
        return False
    return network.cls.find("forward") is callee.function


def _other(machine: Machine, callee: Value, arguments: Arguments, node: ast.expr) -> Value:
    match callee:
        case Partial():
            given = Arguments(
                [*callee.positional, *arguments.positional], dict(callee.named) | arguments.named
            )
            return invoke(machine, callee.function, given, node)
        case Maybe():
            return invoke(machine, callee.value, arguments, node)
        case Instance():
            found = callee.cls.find("__call__")
            if isinstance(found, Function):
                return run(machine, found, arguments, node, callee)
        case _:
            pass
    hand_over(machine, arguments.every(), node)
    given = [a for a in arguments.every() if isinstance(a, Tensor)]
    if given and any(t.networks or t.cuts or t.models for t in given):
        return _unclear(given)
    return Unknown()


def _unclear(given: list[Tensor]) -> Tensor:
    """What unknown code makes of tensors: it may do anything with them."""
    return Tensor(
        united(t.networks for t in given),
        certain=False,
        models=united(t.models for t in given),
        sites=united(t.sites for t in given),
    )


def run(
    machine: Machine,
    function: Function,
    arguments: Arguments,
    node: ast.expr,
    owner: Value | None = None,
) -> Value:
    """Follow a function of the user's."""
    if len(machine.frames) > DEEPEST or any(f.key == function.key for f in machine.frames):
        machine.give_up("recursion")
        hand_over(machine, arguments.every(), node)
        return Unknown()
    machine.entered.add(function.key)
    frame = _frame(machine, function, node, owner)
    if isinstance(owner, Value) and not function.is_made("staticmethod"):
        arguments = Arguments([owner, *arguments.positional], arguments.named, arguments.spread)
    target, machine.target = machine.target, ""
    definition = function.node
    _bind_all(machine, definition, arguments, frame)
    with machine.collecting() as body, machine.recorded(_recording(machine, function)):
        machine.frames.append(frame)
        alive = _follow(machine, definition)
        machine.frames.pop()
    machine.target = target
    if body and function.is_made("contextmanager"):
        machine.block.extend(body)
    elif any(True for _ in flat(body)):
        machine.block.append(CallNode(function.name, machine.place(node), body))
    return _result(machine, function, frame, fell=alive)


def _frame(machine: Machine, function: Function, node: ast.expr, owner: Value | None) -> Frame:
    frame = Frame(
        function.name,
        function.source,
        Scope({}, function.scope),
        (machine.place(node), *machine.frame.callers)[:6],
        owner=owner,
        cls=function.owner,
        key=function.key,
    )
    if function.is_made("contextmanager"):
        frame.at_yield, machine.pending = machine.pending, None
    return frame


def _recording(machine: Machine, function: Function) -> bool | None:
    if function.is_made("no_grad", "inference_mode", "set_grad_enabled:False"):
        return False
    return True if function.is_made("enable_grad") else machine.recording


def _follow(machine: Machine, definition: Def) -> bool:
    if isinstance(definition, ast.Lambda):
        machine.frame.returned.append(machine.evaluate(machine, definition.body))
        return False
    return machine.execute(machine, definition.body)


def _result(machine: Machine, function: Function, frame: Frame, *, fell: bool) -> Value:
    del function
    if frame.yields:
        batches = [t.batch for v in frame.yields for t in _tensors(v) if t.batch]
        return (
            Loader(frame.function, place=batches[0].place) if batches else Series(frame.yields, whole=False)
        )
    values = [*frame.returned, *([Const(None)] if fell else [])]
    if not values:
        return Unknown()
    joined = values[0]
    for value in values[1:]:
        joined = machine.joiner.join(joined, value)
    return joined


def _tensors(value: Value) -> list[Tensor]:
    match value:
        case Tensor():
            return [value]
        case Series():
            return [t for v in value.items for t in _tensors(v)]
        case Table():
            return [t for v in value.items.values() for t in _tensors(v)]
        case _:
            return []


def _bind_all(machine: Machine, definition: Def, arguments: Arguments, frame: Frame) -> None:
    """Give the parameters their values."""
    spec = definition.args
    names = [a.arg for a in (*spec.posonlyargs, *spec.args)]
    defaults = dict(zip(names[::-1], spec.defaults[::-1], strict=False))
    defaults |= {a.arg: d for a, d in zip(spec.kwonlyargs, spec.kw_defaults, strict=True) if d is not None}
    given = dict(zip(names, arguments.positional, strict=False))
    given |= {k: v for k, v in arguments.named.items() if k in {*names, *(a.arg for a in spec.kwonlyargs)}}
    if spec.vararg:
        rest = arguments.positional[len(names) :]
        frame.scope.names[spec.vararg.arg] = Series(rest, "tuple", whole=not arguments.spread)
    if spec.kwarg:
        known = {k: v for k, v in arguments.named.items() if k not in given}
        frame.scope.names[spec.kwarg.arg] = Table({**known}, whole=not arguments.spread)
    machine.frames.append(frame)
    for argument in (*spec.posonlyargs, *spec.args, *spec.kwonlyargs):
        value = given.get(argument.arg)
        if value is None and argument.arg in defaults and not arguments.spread:
            value = machine.evaluate(machine, defaults[argument.arg])
        frame.scope.names[argument.arg] = stands_for = _parameter(machine, value, argument)
        keep(machine, None, stands_for, ast.Name(argument.arg))
    machine.frames.pop()


def _parameter(machine: Machine, value: Value | None, argument: ast.arg) -> Value:
    place = machine.place(argument)
    if value is None:
        return guess(argument.arg, machine.source, place)
    return baptized(value, argument.arg, machine.source, place)
