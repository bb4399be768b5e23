"""Calls of what comes from outside: torch, its companions, the standard library."""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable
from dataclasses import replace
from typing import cast

from osler.model import (
    Const,
    External,
    Helper,
    Kind,
    Length,
    Loader,
    Loss,
    Network,
    Optimizer,
    Parameters,
    Series,
    Table,
    Tensor,
    Turns,
    Unknown,
    Value,
)
from osler.static.attributes import attribute
from osler.static.conditions import truth
from osler.static.dicts import MAKERS, built
from osler.static.differentiating import differentiate
from osler.static.handing import hand_over, things_in
from osler.static.iteration import Zipped, element
from osler.static.kept_weights import kept_as, weights_in
from osler.static.knowledge import (
    CONTAINERS,
    HARMLESS,
    LOSS_FUNCTIONS,
    LOSSES,
    NOT_OPTIMIZERS,
    OPTIMIZERS,
    SCHEDULES,
    TRAINERS,
    TRANSPARENT,
    WRAPS_ITERATION,
)
from osler.static.losses import noted
from osler.static.machine import Machine
from osler.static.notes import note_call
from osler.static.overwriting import is_call_in_place, note_sum, overwrite
from osler.static.parameters import below, held_by
from osler.static.random_orders import drawn_by
from osler.static.schedules import build_schedule
from osler.static.tensors import operate, severed, tensors_in
from osler.static.touching import call_on_each, go_backward, gradients_in, touch
from osler.static.values import Arguments, Instance, Partial, UserNetwork

NOTED = frozenset({"numpy", "random", "torchvision", "math"})
"""Packages whose calls are remembered, beside torch."""


def call_external(machine: Machine, callee: External, arguments: Arguments, node: ast.expr) -> Value:
    """The value of a call of something from outside."""
    is_noted = callee.is_torch or callee.name.partition(".")[0] in NOTED
    fact = note_call(machine, callee.name, arguments, node) if is_noted else None
    result = _result(machine, callee, arguments, node)
    if fact is not None:
        fact.result = result
    return result


def _result(machine: Machine, callee: External, arguments: Arguments, node: ast.expr) -> Value:
    if callee.last == "__init__" and isinstance(module := arguments.at(0), UserNetwork):
        module.started = True
        return Const(None)
    if callee.name == "builtins.float" and isinstance(text := arguments.at(0), Const):
        return _number(text)
    for recognized in recognizers(callee.name):
        value = recognized(machine, callee, arguments, node)
        if value is not None:
            return value
    if callee.last.startswith("_foreach_"):
        call_on_each(machine, arguments, callee.last.removeprefix("_foreach_"), node)
    elif callee.last not in HARMLESS:
        hand_over(machine, _exposed(callee, arguments), node)
    if callee.is_torch or any(True for a in arguments.every() for _ in tensors_in(a)):
        out = operate(machine, callee.last, arguments.every(), node)
        if callee.is_torch and is_call_in_place(callee.last, arguments):
            overwrite(machine, arguments.at(0, "input"), node)
        if callee.name == "torch.add":
            note_sum(machine, tuple(arguments.every()), out, node)
        return out
    return drawn_by(callee.name, machine.place(node))


def _exposed(callee: External, arguments: Arguments) -> list[Value]:
    """What a function from outside may change: torch writes to tensors only where its name says so."""
    given = arguments.every()
    writes = callee.last.endswith("_") or ".distributed." in callee.name
    return given if writes or not callee.is_torch else [v for v in given if not gradients_in(v)]


def _number(given: Const) -> Value:
    """``float("-inf")`` and its like."""
    try:
        return Const(float(given.value)) if isinstance(given.value, str | int | float) else Unknown()
    except (ValueError, OverflowError):
        return Unknown()


def _optimizer(machine: Machine, callee: External, arguments: Arguments, node: ast.expr) -> Value | None:
    is_one = callee.last in OPTIMIZERS or (
        callee.name.startswith("torch.optim.")
        and callee.last[:1].isupper()
        and not NOT_OPTIMIZERS.intersection(callee.name.split("."))
    )
    if not is_one:
        return None
    first = arguments.at(0, "params")
    held = held_by(first)
    optimizer = Optimizer(machine.target, callee.name, machine.place(node), held, options=arguments.options())
    optimizer.seen = below(held)
    machine.code.optimizers.append(optimizer)
    machine.emit(Kind.BUILD, node, optimizer, first)
    return optimizer


def _loader(machine: Machine, callee: External, arguments: Arguments, node: ast.expr) -> Value | None:
    if not callee.last.endswith("DataLoader"):
        return None
    loader = Loader(machine.target, callee.name, machine.place(node), arguments.options())
    machine.code.loaders.append(loader)
    return loader


def _loss(machine: Machine, callee: External, arguments: Arguments, node: ast.expr) -> Value | None:
    if callee.last in LOSSES and callee.is_torch:
        return Loss(callee.name, machine.place(node), arguments.options())
    if callee.last in LOSS_FUNCTIONS and callee.is_torch:
        return noted(machine, callee.last, arguments, arguments.options(), node)
    return None


def _helper(machine: Machine, callee: External, arguments: Arguments, node: ast.expr) -> Value | None:
    role = {"GradScaler": "scaler", "Accelerator": "accelerator", "Fabric": "accelerator"}.get(callee.last)
    if callee.last.endswith("Sampler"):
        role = "sampler"
    if role is None and TRAINERS.search(callee.last) and callee.last[0].isupper():
        role = "trainer"
    if role is None:
        return None
    if role == "trainer":
        hand_over(machine, arguments.every(), node)
    return Helper(role, machine.target, callee.name, machine.place(node), arguments.options())


def _wrapper(machine: Machine, callee: External, arguments: Arguments, node: ast.expr) -> Value | None:
    del node
    first = arguments.at(0)
    if (
        callee.last in TRANSPARENT
        and isinstance(first, Network | Optimizer | Tensor)
        and callee.last not in {"deepcopy", "copy"}
    ):
        return first
    if callee.last in {"deepcopy", "copy"} and isinstance(first, Network):
        return copied(first, {})
    if (weights := weights_in(first)) is not None:
        return kept_as(weights, machine.target) if callee.last == "copy" else Unknown()
    return first if callee.last in TRANSPARENT and first is not None else None


def copied(network: Network, done: dict[int, Network]) -> Network:
    """A module with parts of its own; what a class of the user's does with them is not followed."""
    if id(network) in done:
        return done[id(network)]
    known = network.known
    twin = Network(network.name, network.layer, network.place, network.options, {}, known, pretrained=True)
    done[id(network)] = twin
    for name, part in network.parts.items():
        twin.parts[name] = part
        if isinstance(part, Network):
            twin.parts[name] = copied(part, done)
        elif isinstance(part, Tensor) and isinstance(part.leaf, Network):
            twin.parts[name] = replace(part, leaf=copied(part.leaf, done))
    return twin


def _layer(machine: Machine, callee: External, arguments: Arguments, node: ast.expr) -> Value | None:
    place = machine.place(node)
    if callee.name.startswith("torch.nn.") and callee.last[:1].isupper() and ".utils." not in callee.name:
        if callee.last in {"Parameter", "Buffer"}:
            network = Network(machine.target, "torch.nn.Parameter", place)
            return Tensor(leaf=network, place=place) if callee.last == "Parameter" else Tensor(place=place)
        network = Network(machine.target, callee.name, place, arguments.options())
        if callee.last in CONTAINERS:
            fill(network, arguments)
        machine.code.networks.append(network)
        return network
    if _builds_model(callee):
        network = Network(
            machine.target, callee.name, place, arguments.options(), known=False, pretrained=True
        )
        machine.code.networks.append(network)
        return network
    return None


def _builds_model(callee: External) -> bool:
    parts = callee.name.split(".")
    if callee.last in {"create_model", "from_pretrained"} or callee.name == "torch.hub.load":
        return not any(w in callee.name for w in ("Tokenizer", "Processor", "Config", "FeatureExtractor"))
    if parts[0] == "torchvision" and "models" in parts:
        return True
    return parts[0] in {"torch_geometric", "dgl"} and "nn" in parts and callee.last[:1].isupper()


def fill(network: Network, arguments: Arguments) -> None:
    """Put the given modules into a container."""
    given = arguments.positional
    if len(given) == 1 and isinstance(given[0], Series):
        network.known &= given[0].whole
        given = given[0].items
    if len(given) == 1 and isinstance(given[0], Table):
        network.parts |= {str(k): v for k, v in given[0].items.items()}
        return
    network.known &= not arguments.spread
    network.parts |= {str(i): v for i, v in enumerate(given)}


def _iteration(machine: Machine, callee: External, arguments: Arguments, node: ast.expr) -> Value | None:
    first = arguments.at(0)
    if callee.last == "zip":
        return Zipped(arguments.positional)
    if callee.last == "enumerate" and first is not None:
        return Zipped([Unknown(), first])
    if callee.last == "filter" and len(arguments.positional) == 2:
        return arguments.positional[1]
    if callee.last == "next" and isinstance(first, Loader) and _starts_anew(node):
        machine.emit(Kind.BATCH, node, first)
    if callee.last == "next" and first is not None:
        return element(machine, first, node)
    if callee.last == "dict" and (weights := weights_in(first)) is not None:
        return kept_as(weights, machine.target)
    if (table := built(machine, callee, arguments, node)) is not None:
        return table
    if callee.last in {"list", "tuple", "set"} and first is None:
        return Series([], callee.last, place=machine.place(node))
    if callee.last in WRAPS_ITERATION or callee.last == "chain":
        if callee.last == "chain" and arguments.positional:
            held = held_by(Series(arguments.positional))
            return Parameters(held or (), known=held is not None)
        return first if isinstance(first, Value) else None
    return None


def _starts_anew(node: ast.expr) -> bool:
    match node:
        case ast.Call(args=[ast.Call(func=ast.Name(id="iter")), *_]):
            return True
        case _:
            return False


def _builtin(machine: Machine, callee: External, arguments: Arguments, node: ast.expr) -> Value | None:
    first = arguments.at(0)
    match callee.last, first:
        case (("float" | "int"), Length()):
            return first
        case (("float" | "int"), Tensor()):
            return severed("item", [first], machine.place(node))
        case (("min" | "max"), _) if arguments.positional and all(map(_is_number, arguments.positional)):
            numbers = [v.value for v in arguments.positional if isinstance(v, Const)]
            return Const((min if callee.last == "min" else max)(cast("list[float]", numbers)))
        case "sum", Series():
            fact = note_call(machine, callee.name, arguments, node)
            fact.result = operate(machine, "add", first.items, node)
            return fact.result
        case "getattr", Instance() | Table() | Network() | Helper() | Optimizer():
            return _by_name(machine, first, arguments.at(1), node)
        case "getattr", _ if len(arguments.positional) > 1:
            return Unknown()
        case "len", Value() if not isinstance(first, Const):
            return Length("length", of=first)
        case "partial", Value():
            return Partial(first, tuple(arguments.positional[1:]), tuple(arguments.named.items()))
        case "setattr", Tensor() | Unknown() if arguments.at(1) == Const("grad"):
            touch(machine, first, "written", arguments.at(2), node)
            return Const(None)
        case "setattr", Network() if len(arguments.positional) > 2:
            first.parts[f"setattr{node.lineno}"] = arguments.positional[2]
            return Const(None)
        case "range", Value() if len(arguments.every()) == 1:
            return Turns("range", end=first)
        case (("isinstance" | "hasattr" | "len" | "range" | "print"), _):
            return Unknown()
        case _:
            return None


def _is_number(value: Value) -> bool:
    return isinstance(value, Const) and isinstance(value.value, int | float)


def _by_name(machine: Machine, owner: Value, name: Value | None, node: ast.expr) -> Value:
    match name:
        case Const(value=str() as text):
            return attribute(machine, owner, text, node)
        case _:
            return Unknown()


def _gradients(machine: Machine, callee: External, arguments: Arguments, node: ast.expr) -> Value | None:
    first = arguments.at(0)
    if callee.last in {"clip_grad_norm_", "clip_grad_value_", "clip_grad_norm"}:
        held = held_by(arguments.at(0, "parameters"))
        limit = arguments.at(1, "clip_value" if "value" in callee.last else "max_norm")
        machine.emit(Kind.CLIP, node, Parameters(held or (), known=held is not None), limit, callee.last)
        return Unknown()
    if callee.name == "torch.autograd.backward":
        go_backward(machine, first, arguments.at(1, "grad_tensors"), arguments, node)
        return Const(None)
    if callee.name == "torch.autograd.grad":
        return differentiate(machine, arguments, node)
    if callee.name == "torch.distributed.autograd.backward":
        machine.emit(Kind.BACKWARD, node, None, arguments.at(1), "managed")
        return Const(None)
    return None


def _recording(machine: Machine, callee: External, arguments: Arguments, node: ast.expr) -> Value | None:
    del machine, node
    return switch(callee.last, arguments.at(0, "mode"))


def switch(name: str, given: Value | None) -> Helper:
    """What switches the recording of gradients on or off, or to a state that is not known."""
    known = True if given is None else truth(given)
    off = Unknown() if known is None else Const(not known)
    on = {"enable_grad": Const(True), "set_grad_enabled": given or Unknown()}.get(name, off)
    return Helper("recording", name, options={0: on})


def _precision(machine: Machine, callee: External, arguments: Arguments, node: ast.expr) -> Value | None:
    return Helper("autocast", "autocast", callee.name, machine.place(node), arguments.options())


def _file(machine: Machine, callee: External, arguments: Arguments, node: ast.expr) -> Value | None:
    del node
    if callee.name == "torch.set_grad_enabled":
        machine.recording = truth(arguments.at(0, "mode") or Unknown())
    if callee.name in {"torch.load", "torch.save", "torch.set_grad_enabled"} or callee.name.startswith(
        "torch.manual_seed"
    ):
        return Unknown()
    if callee.name.startswith(("torch.cuda.", "torch.distributed.", "torch.backends.", "torch.device")):
        idle = not any(True for a in arguments.every() for _ in (*things_in(a), *gradients_in(a)))
        return Unknown() if idle else None
    return None


Recognizer = Callable[[Machine, External, Arguments, ast.expr], Value | None]


@functools.lru_cache(maxsize=4096)
def recognizers(name: str) -> tuple[Recognizer, ...]:
    """Who may know what a call of this name means, in the order in which they are asked."""
    last = name.rpartition(".")[2]
    is_class = last[:1].isupper()
    asked: list[Recognizer] = []
    if last in {"no_grad", "inference_mode", "enable_grad"}:
        asked.append(_recording)
    if last == "autocast":
        asked.append(_precision)
    if "grad" in last or "backward" in last:
        asked.append(_gradients)
    if last in LOSSES or last in LOSS_FUNCTIONS:
        asked.append(_loss)
    if last in ITERATION or last in WRAPS_ITERATION:
        asked.append(_iteration)
    if last in BUILTIN:
        asked.append(_builtin)
    if last in TRANSPARENT:
        asked.append(_wrapper)
    if SCHEDULES.search(last):
        asked.append(build_schedule)
    if is_class:
        asked += [_helper, _loader, _optimizer]
    if is_class or _builds_model(External(name)):
        asked.append(_layer)
    if name.startswith("torch."):
        asked.append(_file)
    return tuple(asked)


ITERATION = frozenset({"filter", "next", "set", "chain"}) | MAKERS
BUILTIN = frozenset(
    "float int min max sum getattr partial setattr isinstance hasattr len range print".split()
)
