"""What operations do to tensors: the layers behind them, what cut the graph, what they have gone through."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from osler.model import (
    Activation,
    Const,
    Cut,
    Graphless,
    Loader,
    Maybe,
    Network,
    Parameters,
    Place,
    Series,
    Table,
    Tensor,
    Unknown,
    Value,
)
from osler.static.derivatives import passed_on
from osler.static.knowledge import (
    ACTIVATIONS,
    AVERAGES,
    CUTS,
    FRESH,
    KEEPS_ROWS,
    NUMBERS,
    SAME_SHAPE,
    SAME_VALUES,
    SCORES,
)
from osler.static.machine import Machine
from osler.static.random_orders import COPIES, order_after, order_in, order_of, permutation
from osler.static.unions import NOTHING, united
from osler.static.values import Instance, Namespace

MOST_CUTS = 12
"""Cuts remembered for one tensor."""


def tensors_in(value: Value) -> Iterator[Tensor]:
    """Tensors in a value and in the containers it consists of."""
    match value:
        case Tensor():
            yield value
        case Series():
            for item in value.items:
                yield from tensors_in(item)
        case Table():
            for item in value.items.values():
                yield from tensors_in(item)
        case Maybe():
            yield from tensors_in(value.value)
        case Parameters():
            yield from (Tensor(leaf=owner) for owner in value.owners)
        case _:
            pass


def is_certain(value: Value) -> bool:
    """Nothing unknown goes in."""
    match value:
        case Tensor():
            return value.certain
        case Series():
            return value.whole and all(map(is_certain, value.items))
        case Table():
            return value.whole and all(map(is_certain, value.items.values()))
        case Maybe() | Unknown() | Instance() | Namespace():
            return False
        case _:
            return True


def operate(machine: Machine, name: str, inputs: Iterable[Value], node: ast.AST) -> Tensor:
    """The output of an operation on tensors."""
    given = list(inputs)
    place = machine.place(node)
    if name in FRESH:
        return _fresh(name, given, place)
    if name in CUTS:
        out = severed(name, given, place)
        return replace(out, shuffled=order_of(given[0])) if name in COPIES and given else out
    first = next(tensors_in(given[0]), None) if given else None
    out = combined(machine, given, place)
    activation = None
    if name in ACTIVATIONS:
        last = first.activation if first else None
        before, layer = (last.name, last.layer) if last else ("", None)
        kind = ACTIVATIONS[name]
        activation = Activation(kind, place, before, layer) if kind else None
    elif name == "log" and first and first.activation and first.activation.name == "softmax":
        activation = Activation("log_softmax", place, "softmax")
    elif name in SAME_VALUES and first:
        activation = first.activation
        if activation is not None and name not in SAME_SHAPE:
            activation = replace(activation, layer=None)
    reduced = first.reduced if first and (name in SAME_VALUES or name in {"mean", "sum"}) else ""
    if name in {"mean", "sum"} and reduced:
        reduced = name if len(given) == 1 or given[1] == Const(0) else "unknown"
    number = bool(given) and all(t.number for v in given for t in tensors_in(v)) and first is not None
    rows, gauge, graphless = keeps_rows(name, given), gauged(name, given), _derived(machine, name, given)
    shuffled = order_after(name, given)
    if not (activation or reduced or number or rows or gauge or graphless or shuffled):
        return out
    return replace(
        out,
        activation=activation,
        reduced=reduced,
        number=number,
        rows=rows,
        gauge=gauge,
        graphless=graphless,
        shuffled=shuffled,
    )


def _fresh(name: str, given: Sequence[Value], place: Place) -> Tensor:
    """What a function makes whose output has nothing to do with what it is given, but for its order."""
    out = Tensor(place=place) if name not in CUTS else severed(name, [*given], place)
    if name == "randperm":
        return replace(out, shuffled=permutation(name, place))
    order = order_of(given[0]) if name in COPIES and given else None
    return replace(out, shuffled=order) if order is not None else out


def _derived(machine: Machine, name: str, given: Sequence[Value]) -> Graphless | None:
    """What is computed under `no_grad` is a constant on purpose."""
    if machine.recording is False or not any(t.graphless for v in given for t in tensors_in(v)):
        return None
    return passed_on(name, given, [list(tensors_in(v)) for v in given])


def gauged(name: str, given: Sequence[Value]) -> str:
    """Whether what comes out is a ``loss`` or an ``accuracy``; empty if that is not known."""
    if name == "eq":
        return "accuracy" if any(map(_is_answer, given)) and any(map(_is_given, given)) else ""
    if name in SCORES:
        return "accuracy"
    if name not in AVERAGES and name not in SAME_VALUES:
        return ""
    if any(isinstance(v, Const) and isinstance(v.value, int | float) and v.value < 0 for v in given[:2]):
        return ""
    counted = given[:1] if name == "div" else given
    found = {t.gauge for v in counted for t in tensors_in(v)}
    if name == "div" and any(t.gauge for v in given[1:] for t in tensors_in(v)):
        return ""
    return found.pop() if len(found) == 1 else ""


def _is_answer(value: Value) -> bool:
    return isinstance(value, Tensor) and bool(value.models)


def _is_given(value: Value) -> bool:
    return isinstance(value, Tensor) and value.batch is not None and not value.models


def keeps_rows(name: str, given: Sequence[Value]) -> bool:
    """The first axis of what comes out is the batch, as it is of what goes in."""
    first = given[0] if given else None
    axis = given[1].value if len(given) > 1 and isinstance(given[1], Const) else None
    if not isinstance(first, Tensor) or not first.rows:
        return name in {"add", "sub", "mult", "div"} and any(isinstance(v, Tensor) and v.rows for v in given)
    if name in {"view", "reshape"}:
        return len(given) > 2 and (axis is None or axis == -1)
    if name in {"flatten", "squeeze", "unsqueeze"}:
        return isinstance(axis, int) and axis in {1, -1}
    return name in KEEPS_ROWS


def combined(
    machine: Machine,
    inputs: Iterable[Value],
    place: Place,
    leaves: Iterable[Network] = (),
) -> Tensor:
    """A tensor made from others, and from the parameters of some layers."""
    given = list(inputs)
    parts = [t for v in given for t in tensors_in(v)]
    grown = frozenset([*leaves, *(p.leaf for p in parts if isinstance(p.leaf, Network))])
    networks = united((grown, *(p.networks for p in parts)))
    cuts = united(p.cuts for p in parts)
    if machine.recording is False and networks:
        cuts |= {Cut("no_grad", place, networks)}
        networks = NOTHING
    return Tensor(
        networks,
        cuts if len(cuts) <= MOST_CUTS else frozenset(list(cuts)[:MOST_CUTS]),
        None,
        all(map(is_certain, given)),
        next((p.batch for p in parts if p.batch), None),
        models=united(p.models for p in parts),
        place=place,
        sites=united(p.sites for p in parts),
        loaders=united(p.loaders for p in parts),
        carried=united(p.carried for p in parts) if networks else NOTHING,
    )


def severed(name: str, inputs: list[Value], place: Place) -> Tensor:
    """What comes out of an operation that ends the graph."""
    parts = [t for v in inputs for t in tensors_in(v)]
    lost = united(p.networks for p in parts)
    cuts = united(p.cuts for p in parts)
    if lost:
        cuts |= {Cut(name, place, lost)}
    first = parts[0] if parts else None
    reduced = first.reduced if first else ""
    if name == "eq" and any(p.batch for p in parts):
        reduced = "hits"
    return Tensor(
        cuts=cuts,
        activation=first.activation
        if first and name in {"detach", "data", "numpy", "tolist", "tensor"}
        else None,
        certain=all(map(is_certain, inputs)),
        batch=next((p.batch for p in parts if p.batch), None),
        reduced=reduced,
        models=united(p.models for p in parts),
        number=name in NUMBERS,
        place=place,
        sites=united(p.sites for p in parts),
        gauge=gauged(name, inputs),
        loaders=united(p.loaders for p in parts),
    )


def batch_of(loader: Loader, place: Place) -> Tensor:
    """What a loader hands out."""
    own = loader.made and not loader.made.startswith("torch.")  # a library may lay its batches out otherwise
    asked = "collate_fn" in loader.options or "**" in loader.options
    single = loader.options.get("batch_size") == Const(None)
    rows = not (own or asked or single)
    shuffled = order_in(loader) if rows and loader.made else None
    return Tensor(batch=loader, place=place, rows=rows, loaders=frozenset({loader}), shuffled=shuffled)
