"""Methods of what the reader knows: optimizers, modules, tensors, schedulers, scalers, containers."""

from __future__ import annotations

import ast
from dataclasses import replace

from osler.model import (
    Const,
    External,
    Helper,
    Kind,
    Loader,
    Loss,
    Network,
    Optimizer,
    Parameters,
    Series,
    Sizes,
    Table,
    Tensor,
    Unknown,
    Value,
)
from osler.static.companions import perform_companion
from osler.static.conditions import truth
from osler.static.handing import hand_over
from osler.static.iteration import Zipped, element
from osler.static.knowledge import HARMLESS, SHAPES
from osler.static.losses import call_loss
from osler.static.machine import Machine
from osler.static.module_methods import SAME, perform_network
from osler.static.notes import note_call
from osler.static.outside import fill
from osler.static.overwriting import OVERWRITING, note_sum, overwrite
from osler.static.parameters import held_by
from osler.static.random_orders import Permuted, drawn_by
from osler.static.tensors import operate
from osler.static.touching import call_in_place, go_backward, gradient
from osler.static.values import Arguments, Doing, Instance, Super, UserNetwork

UPDATES = frozenset({"add_", "sub_", "addcdiv_", "addcmul_", "copy_", "lerp_", "mul_", "set_"})
"""In-place methods that change a parameter as a step does."""

COPIED = frozenset({"astype", "copy"})
"""Methods of arrays that leave the order as it is."""

ASKED_OF_OPTIMIZERS = frozenset(
    {"state_dict", "load_state_dict", "train", "eval", "add_param_group", "__getstate__"}
)


def perform(machine: Machine, doing: Doing, arguments: Arguments, node: ast.expr) -> Value:
    """Call a method of something known."""
    receiver = doing.receiver
    match receiver:
        case Optimizer():
            return _optimizer(machine, receiver, doing.name, arguments, node)
        case Network():
            return perform_network(machine, receiver, doing.name, arguments, node)
        case Tensor():
            return _tensor(machine, receiver, doing.name, arguments, node)
        case Doing():
            return _gradient(machine, receiver, doing.name, arguments, node)
        case Helper():
            return perform_companion(machine, receiver, doing.name, arguments, node)
        case Series() | Table():
            return _container(machine, receiver, doing.name, arguments, node)
        case _:
            return _others(machine, receiver, doing.name, arguments, node)


def _optimizer(
    machine: Machine, optimizer: Optimizer, name: str, arguments: Arguments, node: ast.expr
) -> Value:
    if name == "zero_grad":
        machine.emit(Kind.CLEAR, node, optimizer)
    elif name == "step":
        _step(machine, optimizer, arguments, node)
    elif name == "add_param_group":
        more = held_by(arguments.at(0, "param_group"))
        known = optimizer.held is not None and more is not None
        optimizer.held = (*(optimizer.held or ()), *(more or ())) if known else None
    elif name not in ASKED_OF_OPTIMIZERS:
        optimizer.handed = True
        machine.emit(Kind.HANDED, node, optimizer)
    return Unknown()


def _step(machine: Machine, optimizer: Optimizer, arguments: Arguments, node: ast.expr) -> None:
    closure = arguments.at(0, "closure")
    if closure is None or (isinstance(closure, Const) and closure.value is None):
        machine.emit(Kind.STEP, node, optimizer)
    else:
        machine.invoke(machine, closure, Arguments(), node)
        machine.emit(Kind.STEP, node, optimizer, None, "closure")
    if optimizer.clears:  # in its step or in a method that the step calls
        machine.emit(Kind.HANDED, node, optimizer)


def _tensor(machine: Machine, tensor: Tensor, name: str, arguments: Arguments, node: ast.expr) -> Value:
    if name == "backward":
        go_backward(machine, tensor, arguments.at(0, "gradient"), arguments, node)
        return Const(None)
    fact = note_call(
        machine,
        f"Tensor.{name}",
        Arguments([tensor, *arguments.positional], arguments.named, arguments.spread),
        node,
    )
    if tensor.leaf is not None and name in UPDATES:
        machine.emit(Kind.STEP, node, tensor.leaf, arguments.at(0), "by hand")
        return tensor
    if name in {"requires_grad_", "retain_grad", "register_hook"} or (
        tensor.leaf is not None and name in {"to", "cuda"}
    ):
        if name == "requires_grad_" and isinstance(tensor.leaf, Network):
            given = arguments.at(0)
            tensor.leaf.frozen |= isinstance(given, Const) and given.value is False
        return tensor
    if name in SHAPES:
        return Sizes(of=tensor) if name == "size" and not arguments.every() else Unknown()
    if name == "items" and tensor.models:
        return Zipped([Unknown(), tensor])
    fact.result = out = operate(machine, name, [tensor, *arguments.every()], node)
    if name in OVERWRITING:
        overwrite(machine, tensor, node)
    if name in {"add", "add_"}:
        note_sum(machine, (tensor, *arguments.every()), out, node)
    return out


def _gradient(machine: Machine, doing: Doing, name: str, arguments: Arguments, node: ast.expr) -> Value:
    """`parameter.grad.zero_()`, `parameter.data.sub_(…)` and methods of containers' methods."""
    tensor = doing
    while isinstance(tensor.receiver, Doing):
        tensor = tensor.receiver
    if isinstance(tensor.receiver, Tensor):
        leaf = tensor.receiver.leaf
        if tensor.name == "grad":
            call_in_place(machine, tensor.receiver, name, arguments.at(0), node)
        elif tensor.name == "data" and name in UPDATES and leaf is not None:
            machine.emit(Kind.STEP, node, leaf, None, "by hand")
        return Tensor(certain=False) if name not in SHAPES else Unknown()
    if name not in HARMLESS:
        hand_over(machine, arguments.every(), node)
    return Unknown()


def _container(
    machine: Machine, owner: Series | Table, name: str, arguments: Arguments, node: ast.expr
) -> Value:
    if isinstance(owner, Series):
        return _series(machine, owner, name, arguments, node)
    first, second = arguments.at(0), arguments.at(1)
    known = isinstance(first, Const) and first.value in owner.items
    match name:
        case "values":
            return Series(list(owner.items.values()), whole=owner.whole)
        case "items":
            pairs = [Series([Const(k), v], "tuple") for k, v in owner.items.items()]
            return Series([*pairs], whole=owner.whole)
        case "get" | "pop" | "setdefault":
            return owner.items[first.value] if known and isinstance(first, Const) else second or Unknown()
        case "update":
            given = first.items if isinstance(first, Table) else {}
            owner.whole &= not arguments.spread and (
                first is None or (isinstance(first, Table) and first.whole)
            )
            for key, value in {**given, **arguments.named}.items():
                machine.write(owner.items, key, value)
        case _:
            pass
    return Unknown()


def _series(machine: Machine, owner: Series, name: str, arguments: Arguments, node: ast.expr) -> Value:
    given = arguments.positional
    if name in {"append", "add", "appendleft", "insert"} and given:
        item = given[-1]
        owner.whole &= not machine.frame.loops and not any(machine.frame.guards)
        if isinstance(item, Tensor):
            _, loops = owner.birth or (0, tuple(machine.turning))
            words = ["outer"] if len(loops) < len(machine.turning) else []
            kept = machine.emit(Kind.KEEP, node, owner, item, "list", *words)
            item = replace(item, sites=item.sites | {kept.place})
        owner.items.append(item)
    elif name == "extend" and given:
        owner.items.extend(
            given[0].items if isinstance(given[0], Series) else [element(machine, given[0], node)]
        )
        owner.whole = False
    elif name in {"pop", "popleft"} and owner.items:
        return owner.items[-1]
    return Unknown()


def _others(machine: Machine, receiver: Value, name: str, arguments: Arguments, node: ast.expr) -> Value:
    match receiver:
        case Super():
            return _super(machine, receiver, name, arguments, node)
        case Loader():
            return (
                element(machine, receiver, node)
                if name in {"next", "__next__"}
                else receiver
                if name == "__iter__"
                else Unknown()
            )
        case Parameters():
            return _parameters(receiver, name, arguments)
        case Loss():
            return _loss(machine, receiver, name, arguments, node)
        case Unknown():
            return _unknown(machine, receiver, name, arguments, node)
        case Instance():
            hand_over(machine, [receiver, *arguments.every()], node)
            return Unknown(name)
        case Const() | External():
            return Unknown()
        case _:
            hand_over(machine, arguments.every(), node)
            return Unknown()


def _parameters(owner: Parameters, name: str, arguments: Arguments) -> Value:
    """A list of parameters may grow; what is taken out of it is not followed."""
    if name in {"append", "extend", "insert", "add", "update"} and arguments.positional:
        more = held_by(arguments.positional[-1])
        owner.known &= more is not None
        owner.owners += more or ()
        return Unknown()
    owner.known &= name not in {"pop", "remove", "clear"}
    return owner


def _loss(machine: Machine, loss: Loss, name: str, arguments: Arguments, node: ast.expr) -> Value:
    if name in {"forward", "__call__"}:
        return call_loss(machine, loss, arguments, node)
    return loss if name in SAME or name in {"train", "eval"} else Unknown()


def _unknown(machine: Machine, receiver: Unknown, name: str, arguments: Arguments, node: ast.expr) -> Value:
    first = arguments.at(0)
    if (owner := gradient(receiver)) is not None:
        call_in_place(machine, owner, name, first, node)
    match name:
        case "enter_context" if isinstance(first, Helper) and first.role == "recording":
            machine.recording = truth(first.options[0])
        case "backward":
            machine.emit(Kind.BACKWARD, node, None, first, *(["managed"] if first else []))
        case "zero_grad":
            machine.emit(Kind.CLEAR, node, None)
        case "step" if not arguments.positional:
            machine.emit(Kind.STEP, node, None)
        case "train" | "eval" if not arguments.positional:
            machine.emit(Kind.MODE, node, None, None, "unknown")
        case _ if name not in HARMLESS:
            hand_over(machine, arguments.every(), node)
        case _:
            pass
    carried = [t for t in arguments.every() if isinstance(t, Tensor)]
    if carried and name not in HARMLESS:
        return operate(machine, name, [*carried, Unknown()], node)
    return (
        receiver if isinstance(receiver, Permuted) and name in COPIED else drawn_by(name, machine.place(node))
    )


def _super(machine: Machine, receiver: Super, name: str, arguments: Arguments, node: ast.expr) -> Value:
    owner = receiver.owner
    if not isinstance(owner, UserNetwork):
        if name != "__init__":
            hand_over(machine, [owner, *arguments.every()], node)
        return Unknown()
    if name == "__init__":
        owner.started = True
        if owner.layer.endswith(("Sequential", "ModuleList")):
            fill(owner, arguments)
        return Const(None)
    return perform_network(machine, owner, name, arguments, node)
