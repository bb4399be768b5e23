"""Methods of modules: modes, parameters, weights, containers."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from types import MappingProxyType

from osler.model import Const, Helper, Kind, Network, Parameters, Series, Unknown, Value
from osler.static.conditions import truth
from osler.static.forward import call_network
from osler.static.knowledge import HARMLESS
from osler.static.machine import Machine
from osler.static.notes import note_call
from osler.static.values import Arguments

SAME = frozenset(
    "to cuda cpu half float double bfloat16 type requires_grad_ share_memory to_empty compile xpu mps "
    "apply".split()
)
"""Methods that return the module itself."""

NOTHING = frozenset(
    "named_modules modules named_children buffers named_buffers register_buffer "
    "register_forward_hook register_full_backward_hook register_backward_hook extra_repr "
    "gradient_checkpointing_enable save_pretrained set_grad_checkpointing set_input_embeddings "
    "get_input_embeddings resize_token_embeddings tie_weights print_trainable_parameters num_parameters "
    "join no_sync reset_parameters init_weights _init_weights push_to_hub initialize_weights share_memory "
    "get_submodule load_adapter".split()
)
"""Methods without consequence here."""

Method = Callable[[Machine, Network, Arguments, ast.expr], Value]


def perform_network(
    machine: Machine, network: Network, name: str, arguments: Arguments, node: ast.expr
) -> Value:
    """Call a method of a module."""
    method = METHODS.get(name)
    if method is not None:
        return method(machine, network, arguments, node)
    if name in SAME:
        if name == "requires_grad_":
            _freeze(network, arguments.at(0, "requires_grad"))
        return network
    if name in NOTHING or name in HARMLESS:
        return Unknown()
    if name in {"backward", "step"}:  # an engine: it clears and steps by itself
        machine.emit(
            Kind.BACKWARD if name == "backward" else Kind.HANDED, node, network, arguments.at(0), "managed"
        )
        return Const(None)
    if network.known and not network.variants:
        return Unknown()
    return call_network(machine, network, arguments, node, "method")


def _freeze(network: Network, given: Value | None) -> None:
    if given is not None and truth(given) is not True:
        for below in network.walk():
            below.frozen = True


def _train(machine: Machine, network: Network, arguments: Arguments, node: ast.expr) -> Value:
    given = arguments.at(0, "mode")
    known = True if given is None else truth(given)
    word = "unknown" if known is None else "train" if known else "eval"
    machine.emit(Kind.MODE, node, network, None, word)
    return network


def _eval(machine: Machine, network: Network, arguments: Arguments, node: ast.expr) -> Value:
    del arguments
    machine.emit(Kind.MODE, node, network, None, "eval")
    return network


def _zero_grad(machine: Machine, network: Network, arguments: Arguments, node: ast.expr) -> Value:
    del arguments
    machine.emit(Kind.CLEAR, node, network)
    return Const(None)


def _parameters(machine: Machine, network: Network, arguments: Arguments, node: ast.expr) -> Value:
    del machine, arguments, node
    return Parameters((network,))


def _named_parameters(machine: Machine, network: Network, arguments: Arguments, node: ast.expr) -> Value:
    del machine, arguments, node
    return Parameters((network,), named=True)


def _children(machine: Machine, network: Network, arguments: Arguments, node: ast.expr) -> Value:
    del machine, arguments, node
    children: list[Value] = [child for _, child in network.children()]
    # A network from outside has layers that were not read: it stands for them itself.
    return Series(children if network.known else [network, *children], whole=False)


def _forward(machine: Machine, network: Network, arguments: Arguments, node: ast.expr) -> Value:
    return call_network(machine, network, arguments, node)


def _load(machine: Machine, network: Network, arguments: Arguments, node: ast.expr) -> Value:
    given = arguments.at(0, "state_dict")
    note_call(machine, "Module.load_state_dict", Arguments([network, given or Unknown()]), node)
    own = isinstance(given, Helper) and given.role == "weights" and given.about is network
    network.loaded |= not own
    return Unknown()


def _state(machine: Machine, network: Network, arguments: Arguments, node: ast.expr) -> Value:
    note_call(machine, "Module.state_dict", Arguments([network]), node)
    del arguments
    return Helper("weights", machine.target, "", machine.place(node), {}, network)


def _add(machine: Machine, network: Network, arguments: Arguments, node: ast.expr) -> Value:
    del node
    given = arguments.at(1, "module") or arguments.at(1, "param") or arguments.at(0)
    name = arguments.at(0, "name")
    label = str(name.value) if isinstance(name, Const) else f"{len(network.parts)}"
    if given is not None:
        machine.write(network.parts, label, given)
    return network


def _extend(machine: Machine, network: Network, arguments: Arguments, node: ast.expr) -> Value:
    del node
    given = arguments.at(0)
    items = given.items if isinstance(given, Series) else []
    network.known &= isinstance(given, Series) and given.whole
    for item in items:
        machine.write(network.parts, f"{len(network.parts)}", item)
    return network


def _values(machine: Machine, network: Network, arguments: Arguments, node: ast.expr) -> Value:
    del machine, arguments, node
    return Series([child for _, child in network.children()], whole=False)


def _items(machine: Machine, network: Network, arguments: Arguments, node: ast.expr) -> Value:
    del machine, arguments, node
    return Series([Series([Const(k), v], "tuple") for k, v in network.children()], whole=False)


METHODS: Mapping[str, Method] = MappingProxyType(
    {
        "train": _train,
        "eval": _eval,
        "zero_grad": _zero_grad,
        "parameters": _parameters,
        "named_parameters": _named_parameters,
        "children": _children,
        "forward": _forward,
        "__call__": _forward,
        "load_state_dict": _load,
        "state_dict": _state,
        "add_module": _add,
        "register_module": _add,
        "register_parameter": _add,
        "append": _add,
        "insert": _add,
        "extend": _extend,
        "values": _values,
        "items": _items,
        "update": _extend,
    }
)
"""What each method does."""
