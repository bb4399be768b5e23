"""Methods of schedulers, gradient scalers and of frameworks that leave the loop to the user."""

from __future__ import annotations

import ast

from osler.model import Helper, Kind, Network, Optimizer, Parameters, Series, Tensor, Unknown, Value
from osler.static.handing import hand_over
from osler.static.machine import Machine
from osler.static.parameters import held_by
from osler.static.tensors import operate
from osler.static.touching import go_backward
from osler.static.values import Arguments

PREPARES = frozenset(
    {
        "prepare",
        "setup",
        "setup_dataloaders",
        "setup_module",
        "setup_optimizers",
        "prepare_model",
        "prepare_optimizer",
        "prepare_data_loader",
        "unwrap_model",
    }
)


ASKED_OF_SCHEDULES = frozenset({"step", "state_dict", "load_state_dict", "get_last_lr", "get_lr", "print_lr"})
"""Methods of schedules after which nothing else is to be expected of them."""


def perform_companion(
    machine: Machine, helper: Helper, name: str, arguments: Arguments, node: ast.expr
) -> Value:
    """Call a method of a scheduler, scaler or framework object."""
    match helper.role:
        case "schedule":
            return _schedule(machine, helper, name, arguments, node)
        case "scaler":
            return _scaler(machine, helper, name, arguments, node)
        case "sampler" | "weights":
            return helper if name in {"copy", "items", "values"} else Unknown()
        case "accelerator":
            return _accelerator(machine, name, arguments, node)
        case _:
            hand_over(machine, arguments.every(), node)
            return Unknown()


def _schedule(machine: Machine, helper: Helper, name: str, arguments: Arguments, node: ast.expr) -> Value:
    if name == "step":
        words = ["argument"] if arguments.every() else []
        words += ["guarded"] if any(machine.frame.guards) else []
        machine.emit(Kind.SCHEDULE, node, helper, arguments.at(0), *words)
    helper.handed |= name not in ASKED_OF_SCHEDULES
    return Unknown()


def _scaler(machine: Machine, helper: Helper, name: str, arguments: Arguments, node: ast.expr) -> Value:
    first = arguments.at(0, "optimizer")
    known = first if isinstance(first, Optimizer) else None
    match name:
        case "scale":
            return first if first is not None else Tensor(certain=False)
        case "unscale_":
            machine.emit(Kind.UNSCALE, node, known)
        case "step":
            machine.emit(Kind.STEP, node, known, None, "scaler")
        case _:
            pass
    del helper
    return Unknown()


def _accelerator(machine: Machine, name: str, arguments: Arguments, node: ast.expr) -> Value:
    given = arguments.positional
    if name in PREPARES:
        return given[0] if len(given) == 1 else Series(list(given), "tuple")
    match name:
        case "backward":
            go_backward(machine, arguments.at(0, "loss"), arguments.named.get("gradient"), arguments, node)
        case "clip_grad_norm_" | "clip_grad_value_" | "clip_gradients":
            held = held_by(given[0]) if given else None
            machine.emit(Kind.CLIP, node, Parameters(held or (), known=held is not None), None, name)
        case "accumulate" | "autocast" | "no_sync" | "print" | "log" | "save" | "wait_for_everyone":
            pass
        case (
            "gather" | "gather_for_metrics" | "reduce" | "all_gather" | "all_reduce" | "pad_across_processes"
        ):
            return operate(machine, name, given, node)
        case _:
            hand_over(machine, [v for v in arguments.every() if not isinstance(v, Network)], node)
    return Unknown()
