"""Activations that overwrite their input, and sums that take the overwritten tensor for what it was."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from types import MappingProxyType

from osler.model import Const, Network, Tensor, Value
from osler.static.machine import Machine
from osler.static.notes import note_call
from osler.static.values import Arguments

INPLACE: Mapping[str, int] = MappingProxyType(
    {
        "relu": 0,
        "relu6": 0,
        "selu": 0,
        "silu": 0,
        "mish": 0,
        "hardswish": 0,
        "leakyrelu": 1,
        "elu": 1,
        "celu": 1,
        "hardtanh": 2,
        "rrelu": 2,
        "threshold": 2,
    }
)
"""Activations, and where `inplace` stands among the arguments of their layer."""

OVERWRITING = frozenset(
    "relu_ leaky_relu_ elu_ selu_ celu_ hardtanh_ rrelu_ threshold_ sigmoid_ tanh_".split()
)


def is_layer_in_place(kind: str, options: Mapping[object, Value]) -> bool:
    """Whether a layer of this kind, built with these options, overwrites its input."""
    return kind.lower() in INPLACE and _is_true(options.get("inplace", options.get(INPLACE[kind.lower()])))


def is_call_in_place(name: str, arguments: Arguments) -> bool:
    """Whether a function of torch overwrites its first argument."""
    if name in OVERWRITING:
        return True
    known = name.replace("_", "")
    if known not in INPLACE:
        return False
    return _is_true(arguments.at(INPLACE[known] + 1, "inplace"))


def _is_true(value: Value | None) -> bool:
    return isinstance(value, Const) and value.value is True


def overwrite(machine: Machine, value: Value | None, node: ast.expr, layer: Network | None = None) -> None:
    """Remember that this value is no longer what it was, and the layer that did it."""
    before = value.activation if isinstance(value, Tensor) else None
    if value is not None and not (before and before.name == "relu"):
        note_call(machine, "in place", Arguments([value, *([layer] if layer else [])]), node)
        machine.overwritten[id(value)] = (value, node)


def mean_it(machine: Machine, statement: ast.Expr) -> None:
    """A call whose result is thrown away is there to overwrite."""
    last = next(reversed(machine.overwritten), 0)
    if last and machine.overwritten[last][1] is statement.value:
        del machine.overwritten[last]


def note_sum(machine: Machine, terms: tuple[Value, ...], total: Value, node: ast.expr | ast.stmt) -> None:
    """Remember sums of which a term was overwritten before."""
    for term in terms:
        if id(term) in machine.overwritten:
            note_call(machine, "+ overwritten", Arguments([term]), node).result = total
