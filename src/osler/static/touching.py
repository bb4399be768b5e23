"""Gradients that the source changes by hand: divided, added to, written anew, cleared."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from types import MappingProxyType

from osler.model import Const, Kind, Series, Tensor, Unknown, Value
from osler.static.machine import Machine
from osler.static.values import Arguments, Doing

SCALES = frozenset({"mul_", "div_", "divide_", "multiply_", "true_divide_"})
"""In-place methods that multiply what they are called on."""

ADDS = frozenset({"add_", "sub_", "subtract_", "addcmul_", "addcdiv_"})
"""In-place methods that add to it."""

LIMITS = frozenset(
    "clamp_ clip_ clamp_min_ clamp_max_ nan_to_num_ detach_ requires_grad_ share_memory_".split()
)
"""In-place methods after which gradients are still those of the same batches."""

OPERATORS: Mapping[type[ast.operator], str] = MappingProxyType(
    {ast.Mult: "scaled", ast.Div: "scaled", ast.Add: "added", ast.Sub: "added"}
)
"""What augmented assignments do."""


def gradient(value: Value | None) -> Value | None:
    """The tensor whose gradient this is; None if it is none."""
    if isinstance(value, Unknown) and value.name == "grad":
        return value
    while isinstance(value, Doing):
        if value.name == "grad" and isinstance(value.receiver, Tensor):
            return value.receiver
        value = value.receiver
    return None


def gradients_in(value: Value) -> list[Value]:
    """The tensors whose gradients are in a value, or in a list of such."""
    given = value.items if isinstance(value, Series) else [value]
    return [owner for v in given if isinstance(v, Doing) and (owner := gradient(v)) is not None]


def call_on_each(machine: Machine, arguments: Arguments, name: str, node: ast.AST) -> None:
    """A method is called on each tensor of a list, as by ``torch._foreach_div_``."""
    for owner in gradients_in(arguments.at(0) or Unknown()):
        call_in_place(machine, owner, name, arguments.at(1), node)


def call_in_place(machine: Machine, owner: Value, name: str, given: Value | None, node: ast.AST) -> None:
    """A method of a gradient is called."""
    if name == "zero_":
        touch(machine, owner, "written", Const(0), node)
    elif name.endswith("_") and not name.startswith("_") and name not in LIMITS:
        word = "scaled" if name in SCALES else "added" if name in ADDS else "written"
        touch(machine, owner, word, given, node)


def go_backward(
    machine: Machine,
    root: Value | None,
    start: Value | None,
    arguments: Arguments,
    node: ast.AST,
    *words: str,
) -> None:
    """Note a backward.

    It is ``weighted`` if it starts from gradients that the source gives, its target, and ``grows`` if it goes
    back into earlier turns of a loop around it.
    """
    given = [k for k in ("retain_graph", "create_graph") if arguments.is_true(k)]
    if isinstance(root, Tensor) and not root.carried.isdisjoint(machine.turning):
        given.append("grows")
    weighted = ["weighted"] if start is not None and start != Const(None) else []
    machine.emit(Kind.BACKWARD, node, None, root, *given, *words, *weighted, target=start)


def touch(machine: Machine, owner: Value, word: str, given: Value | None, node: ast.AST) -> None:
    """Note that the gradient of a tensor is ``scaled``, ``added`` to or ``written``, perhaps with nothing."""
    leaf = owner.leaf if isinstance(owner, Tensor) else None
    clears = word != "added" and isinstance(given, Const) and not given.value
    kind = Kind.CLEAR if clears else Kind.TOUCH
    machine.emit(kind, node, leaf, None, "by hand", *([] if clears else [word]))
