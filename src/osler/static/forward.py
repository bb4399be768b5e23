"""Calls of modules: what comes out of a layer, a container or the user's own `forward`."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import replace

from osler.model import (
    Activation,
    Const,
    Cut,
    Kind,
    Loader,
    Maybe,
    Network,
    Place,
    Series,
    Table,
    Tensor,
    Unknown,
    Value,
)
from osler.static.derivatives import feed
from osler.static.handing import hand_over
from osler.static.knowledge import ACTIVATIONS, CONTAINERS, LAYERS_OF_ROWS, WITHOUT_PARAMETERS
from osler.static.machine import Machine
from osler.static.notes import note_call
from osler.static.overwriting import is_layer_in_place, overwrite
from osler.static.random_orders import GIVEN, order_of
from osler.static.tensors import combined, operate, tensors_in
from osler.static.unions import united
from osler.static.values import Arguments, Function, UserNetwork

RECURRENT = frozenset({"LSTM", "GRU", "RNN", "MultiheadAttention"})
MOST_VARIANTS = 4
DEEPEST = 60
"""Modules followed inside each other."""

OUTERMOST = 2
"""Calls under way when a root module computes its output: its own call counts twice."""


def call_network(
    machine: Machine, network: Network, arguments: Arguments, node: ast.expr, word: str = ""
) -> Value:
    """The output of a module; the outermost call is noted."""
    machine.in_forward += 1
    out = output(machine, network, arguments, node)
    machine.in_forward -= 1
    if machine.in_forward:
        return out
    place = machine.place(node)
    fed = united(t.loaders for v in arguments.every() for t in tensors_in(v))
    seen = rooted(out, network, place, recording=machine.recording, fed=fed)
    words = [word] if word else []
    words += ["discarded"] if node is machine.discarded else []
    machine.emit(Kind.FORWARD, node, network, seen, *words, *(["float16"] if machine.is_half else []))
    return seen


def rooted(
    out: Value, network: Network, place: Place, *, recording: bool | None, fed: frozenset[Loader]
) -> Value:
    """The output of a root module, as it looks from outside."""

    def change(tensor: Tensor) -> Tensor:
        cuts = tensor.cuts
        if recording is False:
            lost = united((*(c.networks for c in cuts), frozenset({network})))
            cuts = frozenset({Cut("no_grad", place, lost)})
        networks = tensor.networks
        if not networks and not cuts and not tensor.certain and recording is not False:
            networks = frozenset({network})
        models, sites = tensor.models | {network}, tensor.sites | {place}
        return replace(
            tensor,
            networks=networks,
            cuts=cuts,
            leaf=None,
            models=models,
            place=place,
            sites=sites,
            loaders=united((tensor.loaders, fed)),
        )

    return (
        changed(out, change)
        if not isinstance(out, Unknown)
        else change(Tensor(frozenset({network} if recording is not False else ()), certain=False))
    )


def changed(value: Value, change: Callable[[Tensor], Tensor]) -> Value:
    """The same value with every tensor in it replaced."""
    match value:
        case Tensor():
            return change(value)
        case Series():
            return Series([changed(v, change) for v in value.items], value.kind, value.whole, value.place)
        case Table():
            return Table({k: changed(v, change) for k, v in value.items.items()}, value.whole, value.place)
        case Maybe():
            return Maybe(changed(value.value, change))
        case _:
            return value


def output(machine: Machine, network: Network, arguments: Arguments, node: ast.expr) -> Value:
    """What a module makes of its inputs."""
    if machine.in_forward > DEEPEST:  # a module that contains itself
        return Unknown()
    feed(t for v in arguments.every() for t in tensors_in(v))
    machine.in_forward += 1
    out = _output(machine, network, arguments, node)
    machine.in_forward -= 1
    return out


def _output(machine: Machine, network: Network, arguments: Arguments, node: ast.expr) -> Value:
    if network.variants:
        values = [output(machine, v, arguments, node) for v in network.variants[:MOST_VARIANTS]]
        joined = values[0]
        for value in values[1:]:
            joined = machine.joiner.join(joined, value)
        return joined
    if isinstance(network, UserNetwork) and network.cls is not None:
        forward = network.cls.find("forward")
        if isinstance(forward, Function):
            return _own_forward(machine, network, forward, arguments, node)
    if network.kind == "Sequential":
        return _in_a_row(machine, network, arguments, node)
    return _layer(machine, network, arguments, node)


def _layer(machine: Machine, network: Network, arguments: Arguments, node: ast.expr) -> Value:
    inputs = arguments.every()
    kind = network.kind if network.layer.startswith("torch.nn.") else ""
    if kind in CONTAINERS:
        return Unknown()
    if kind and WITHOUT_PARAMETERS.match(kind):
        out = operate(machine, kind, inputs, node)
        if kind in ACTIVATIONS:
            note_call(machine, f"nn.{kind}", arguments, node)
        if is_layer_in_place(kind, network.options):
            overwrite(machine, arguments.at(0), node, network)
        return out
    out = combined(machine, inputs, machine.place(node), [network])
    if LAYERS_OF_ROWS.match(kind) and isinstance(inputs[0] if inputs else None, Tensor):
        out = replace(
            out,
            rows=any(isinstance(v, Tensor) and v.rows for v in inputs[:1]),
            shuffled=order_of(inputs[0]),
        )
    if not network.known:
        hand_over(machine, [v for v in inputs if isinstance(v, Network)], node)
        return replace(out, certain=False)
    if kind.startswith(("Linear", "Conv", "Bilinear", "LazyLinear")):
        return replace(out, activation=Activation("linear", machine.place(node), layer=network))
    return Series([out, out], "tuple") if kind in RECURRENT else out


def _in_a_row(machine: Machine, network: Network, arguments: Arguments, node: ast.expr) -> Value:
    value: Value = arguments.at(0) or Tensor(certain=False)
    given = value
    if not network.known:
        value = combined(machine, [value, Unknown()], machine.place(node))
    if isinstance(value, Unknown):
        value = Tensor(certain=False, shuffled=order_of(value))
    first = value
    for name, part in network.parts.items():
        inner = part.value if isinstance(part, Maybe) else part
        if isinstance(inner, Unknown) and isinstance(value, Tensor):
            value = replace(value, activation=None, certain=False)
        if not isinstance(inner, Network):
            continue
        value = output(machine, inner, Arguments([value]), node)
        if isinstance(value, Tensor) and value.activation is not None and name.isdigit():
            shown = replace(value.activation, place=inner.place)
            value = replace(value, activation=shown)
    if given is not first and id(first) in machine.overwritten:
        overwrite(machine, given, node, next((n for _, n in network.children()), None))
    return value


def _own_forward(
    machine: Machine, network: UserNetwork, forward: Function, arguments: Arguments, node: ast.expr
) -> Value:
    """Follow the user's `forward` once for each kind of input, with plain data; add what the inputs carry."""
    scored = machine.in_forward == OUTERMOST
    given = Arguments(
        [_plain(v, scored=scored) for v in arguments.positional],
        {k: _plain(v, scored=scored) for k, v in arguments.named.items()},
        arguments.spread,
    )
    key = (
        id(network),
        machine.recording,
        *map(_shape, given.positional),
        *sorted(f"{k}={_shape(v)}" for k, v in given.named.items()),
    )
    if key not in machine.forwards:
        machine.forwards[key] = Unknown()
        with machine.collecting() as body:
            machine.forwards[key] = machine.run(machine, forward, given, node, network)
        machine.block.extend(body)
    out = _ordered(machine.forwards[key], arguments.every())
    carried = combined(machine, arguments.every(), machine.place(node))
    if not (carried.networks or carried.cuts or carried.models):
        return out

    if not any(True for _ in tensors_in(out)):
        return replace(carried, certain=False)

    def change(tensor: Tensor) -> Tensor:
        return replace(
            tensor,
            networks=united((tensor.networks, carried.networks)),
            cuts=united((tensor.cuts, carried.cuts)),
            certain=tensor.certain and carried.certain,
            models=united((tensor.models, carried.models)),
            sites=united((tensor.sites, carried.sites)),
            carried=united((tensor.carried, carried.carried)),
        )

    return changed(out, change)


def _ordered(out: Value, given: list[Value]) -> Value:
    """What a module puts out, in the order of what it was given."""
    if not any(t.shuffled is GIVEN for t in tensors_in(out)):
        return out
    orders = {order_of(v) for v in given if order_of(v) is not None or (isinstance(v, Tensor) and v.rows)}
    order = orders.pop() if len(orders) == 1 else None
    return changed(out, lambda t: replace(t, shuffled=order) if t.shuffled is GIVEN else t)


def _plain(value: Value, *, scored: bool) -> Value:
    """What a `forward` is followed with; only what a root module has put out brings its own order."""
    match value:
        case Tensor():
            order = value.shuffled
            if order is None or not (scored and value.has_graph):
                order = GIVEN if value.rows or order is not None else None
            return Tensor(certain=value.certain, batch=value.batch, rows=value.rows, shuffled=order)
        case Unknown():
            return Tensor(certain=False, shuffled=GIVEN if order_of(value) else None)
        case _:
            return (
                value if not any(tensors_in(value)) else changed(value, lambda t: Tensor(certain=t.certain))
            )


def _shape(value: Value) -> str:
    match value:
        case Tensor():
            order = (
                "" if value.shuffled is None or (value.shuffled is GIVEN and value.rows) else value.shuffled
            )
            return f"tensor{value.certain:d}{value.rows:d}{order}"
        case Const():
            return repr(value.value)[:60]
        case Series():
            return f"[{','.join(map(_shape, value.items))}]"
        case _:
            return f"{type(value).__name__}{id(value)}"
