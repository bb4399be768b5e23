"""Calls of `autograd.grad`: a derivative with a graph of its own, or a constant."""

from __future__ import annotations

import ast

from osler.model import Const, Derivative, Graphless, Place, Series, Tensor, Value
from osler.static.machine import Machine
from osler.static.tensors import operate, tensors_in
from osler.static.touching import go_backward
from osler.static.unions import united
from osler.static.values import Arguments

CREATE_GRAPH = 4
"""Position of this argument of `autograd.grad`."""


def differentiate(machine: Machine, arguments: Arguments, node: ast.expr) -> Value:
    """The value of a call of `autograd.grad`, which is noted as a backward."""
    root, inputs = arguments.at(0, "outputs"), arguments.at(1, "inputs")
    go_backward(machine, root, arguments.at(2, "grad_outputs"), arguments, node, "gradient-only")
    known = _constant(root, inputs, arguments, machine.place(node))
    return known or operate(machine, "autograd_grad", [root] if root else [], node)


def _constant(root: Value | None, inputs: Value | None, arguments: Arguments, place: Place) -> Tensor | None:
    """A derivative by data without a graph; None unless that is certain.

    Gradients of parameters and of features may be applied by hand, as meta-learning does: they are none.
    """
    created = arguments.at(CREATE_GRAPH, "create_graph")
    left_out = created is None and not arguments.spread
    if not left_out and not (isinstance(created, Const) and created.value is False):
        return None
    outputs = list(tensors_in(root)) if root is not None else []
    networks = united(t.networks for t in outputs)
    by = _tensors(inputs)
    if not networks or not by or any(t.leaf is not None or t.networks for t in by):
        return None
    derivative = Derivative(place, networks, explicit=not left_out)
    return Tensor(
        certain=all(t.certain for t in outputs),
        place=place,
        graphless=Graphless(frozenset({derivative}), "linear"),
    )


def _tensors(inputs: Value | None) -> list[Tensor]:
    """What is differentiated by; empty unless all of it is known."""
    items = inputs.items if isinstance(inputs, Series) and inputs.whole else [inputs]
    found = [v for v in items if isinstance(v, Tensor)]
    return found if len(found) == len(items) else []
