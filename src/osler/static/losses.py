"""Calls of loss functions."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import replace

from osler.model import Const, Kind, Loss, Unknown, Value
from osler.static.derivatives import compared
from osler.static.knowledge import LOSSES
from osler.static.machine import Machine
from osler.static.tensors import combined
from osler.static.values import Arguments


def call_loss(machine: Machine, loss: Loss, arguments: Arguments, node: ast.expr) -> Value:
    """The value of a loss object called on its inputs."""
    function = LOSSES.get(loss.made.rpartition(".")[2], "")
    return noted(machine, function, arguments, loss.options, node)


def noted(
    machine: Machine, function: str, arguments: Arguments, options: Mapping[object, Value], node: ast.expr
) -> Value:
    """The value of a loss; the call is noted with what goes in."""
    given = arguments.at(0, "input") or Unknown()
    target = arguments.at(1, "target") or Unknown()
    out = combined(machine, [given, target], machine.place(node))
    reduced = reduction(options)
    graphless = None if machine.recording is False else compared(given, target, reduced)
    loss = replace(out, batch=None, reduced=reduced, gauge="loss", graphless=graphless)
    machine.emit(
        Kind.LOSS, node, Loss(function, machine.place(node), options), given, function, target=target
    )
    return loss


def reduction(options: Mapping[object, Value]) -> str:
    """``mean``, ``sum`` or ``none``; ``unknown`` if it is given but not as a constant."""
    if "reduce" in options or "size_average" in options:
        return "unknown"
    given = options.get("reduction")
    if given is None:
        return "mean"
    return str(given.value) if isinstance(given, Const) else "unknown"
