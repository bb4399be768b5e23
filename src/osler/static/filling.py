"""Tensors that others are written into: their graph goes on through the one that holds them."""

from __future__ import annotations

import ast

from osler.model import Tensor, Value
from osler.static.machine import Machine
from osler.static.tensors import operate

WRITES = frozenset(
    "scatter_ scatter_add_ scatter_reduce_ index_add_ index_copy_ index_put_ masked_scatter_ copy_ "
    "add_ sub_ mul_ div_ addcmul_ addcdiv_ addmm_ baddbmm_ lerp_".split()
)
"""Methods that compute what they are called on anew, from what they are given."""


def fill_by_call(machine: Machine, statement: ast.Expr, value: Value) -> None:
    """`sums.scatter_add_(0, index, x)`: from here on the name stands for what came out."""
    call = statement.value
    if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in WRITES:
        _go_on(machine, call.func.value, value)


def fill_by_item(machine: Machine, target: ast.Subscript, owner: Value, value: Value) -> None:
    """`out[i] = x`."""
    if isinstance(owner, Tensor) and isinstance(value, Tensor):
        _go_on(machine, target.value, operate(machine, "setitem", (owner, value), target))


def _go_on(machine: Machine, target: ast.expr, value: Value) -> None:
    """Give a local name that stands for a tensor without a graph the one that was written into it."""
    if not isinstance(target, ast.Name) or machine.recording is False or not isinstance(value, Tensor):
        return
    before = machine.frame.scope.find(target.id)
    plain = isinstance(before, Tensor) and before.leaf is None and not before.has_graph
    if plain and (value.has_graph or value.cuts):
        machine.assign(target.id, value)
