"""What iterating or indexing a value yields."""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace

from osler.model import (
    Const,
    External,
    Helper,
    Loader,
    Loss,
    Maybe,
    Network,
    Optimizer,
    Parameters,
    Place,
    Series,
    Sizes,
    Table,
    Tensor,
    Unknown,
    Value,
)
from osler.static.machine import Machine
from osler.static.notes import note_call
from osler.static.random_orders import Permuted, picked
from osler.static.tensors import batch_of, operate, tensors_in
from osler.static.values import Arguments, Bound, Doing, Function, Instance

MOST_UNROLLED = 4
"""Items of a literal list that a loop is followed through one by one."""


@dataclass(slots=True, eq=False)
class Zipped(Value):
    """`zip(…)` or `enumerate(…)`."""

    parts: list[Value]


def source_of(value: Value) -> Value:
    """What is really iterated below `enumerate`, `zip` and `iter`: a loader if there is one."""
    if isinstance(value, Zipped):
        sources = [source_of(p) for p in value.parts]
        return next((s for s in sources if isinstance(s, Loader)), sources[-1] if sources else value)
    if isinstance(value, Maybe):
        return source_of(value.value)
    return value


def element(machine: Machine, value: Value, node: ast.AST) -> Value:
    """One item of what is iterated."""
    match value:
        case Loader():
            return batch_of(value, machine.place(node))
        case Zipped():
            return Series([element(machine, p, node) for p in value.parts], "tuple")
        case Series():
            return _any_of(machine, value.items)
        case Table():
            return Unknown()
        case Parameters():
            return _parameter(machine, value)
        case Network():
            children = [child for _, child in value.children()]
            return _any_of(machine, list(children))
        case Maybe():
            return element(machine, value.value, node)
        case Tensor():
            item = operate(machine, "unbind", (value,), node)
            return replace(item, reduced="") if item.reduced == "none" else item
        case _:
            return Unknown()


def _any_of(machine: Machine, items: list[Value]) -> Value:
    if not items:
        return Unknown()
    joined = items[0]
    for item in items[1:]:
        joined = machine.joiner.join(joined, item)
    return joined


def _parameter(machine: Machine, value: Parameters) -> Value:
    owners = [o for o in value.owners if isinstance(o, Network)]
    leaf = _any_of(machine, list(owners)) if owners else Unknown()
    tensor = Tensor(leaf=leaf, certain=value.known)
    return Series([Unknown(), tensor], "tuple") if value.named else tensor


def unrolled(value: Value) -> list[Value] | None:
    """The items of a short list of constants or objects, if a loop goes through exactly these."""
    match value:
        case Series() if value.whole and 0 < len(value.items) <= MOST_UNROLLED:
            return value.items if all(_is_distinct(i) for i in value.items) else None
        case Zipped() if value.parts:
            columns = [unrolled(p) for p in value.parts]
            if any(c is None for c in columns):
                return None
            rows = zip(*[c for c in columns if c is not None], strict=False)
            return [Series(list(row), "tuple") for row in rows]
        case _:
            return None


def _is_distinct(item: Value) -> bool:
    match item:
        case Const(value=str() | bool()) | Network() | Optimizer() | Loader() | Helper() | Loss():
            return True
        case Function() | Bound() | Doing() | Instance():
            return True
        case Series():
            return item.whole and any(_is_distinct(i) for i in item.items)
        case _:
            return False


def subscript(machine: Machine, owner: Value, index: Value, node: ast.Subscript) -> Value:
    """What `owner[index]` is."""
    match owner, index:
        case Maybe(), _:
            return subscript(machine, owner.value, index, node)
        case Series(), Const(value=int() as number) if owner.whole and -len(owner.items) <= number < len(
            owner.items
        ):
            return owner.items[number]
        case Series(), _:
            if isinstance(node.slice, ast.Slice):
                return _cut_out(owner, node.slice)
            return _any_of(machine, owner.items)
        case Table(), Const() if index.value in owner.items:
            return owner.items[index.value]
        case Table(), Const() if isinstance(each := owner.items.get(""), Loader):
            return owner.items.setdefault(index.value, replace(each, name=str(index.value)))
        case Table(), _:
            return _any_of(machine, list(owner.items.values())) if not isinstance(index, Const) else Unknown()
        case Tensor(), _:
            piece = operate(machine, "narrow", (owner,), node)
            chosen = frozenset[Place]().union(*(t.sites for t in tensors_in(index)))
            plain = _keeps_first_axis(node.slice)
            kept, order = owner.rows and plain, owner.shuffled if plain else picked(index)
            if not (kept or chosen or order):
                return piece
            return replace(piece, rows=kept, sites=piece.sites | chosen, shuffled=order)
        case Network(), _:
            return _child(machine, owner, index)
        case Sizes(first=0), _:
            return _rest(owner, node.slice)
        case External(), _:  # a type: `list[int]`
            return owner
        case Permuted(), _ if _keeps_first_axis(node.slice):
            return owner
        case Unknown(), _ if (order := picked(index)) is not None:
            return Permuted(shuffled=order)
        case Unknown(), Const():
            return owner.parts.setdefault(f"[{index.value!r}]", Unknown(f"{index.value}"))
        case (Loader(), Const(value=int())) if owner.made:
            note_call(machine, "Loader.[]", Arguments([owner]), node)
            return batch_of(owner, machine.place(node))
        case ((Doing() | Loader()), _):
            return Doing(owner, "[]")
        case _:
            return Unknown()


def _keeps_first_axis(piece: ast.expr) -> bool:
    """``x[:4]``, ``x[:, 0]``, ``batch["x"]``."""
    match piece:
        case ast.Slice() | ast.Constant(value=str()):
            return True
        case ast.Tuple(elts=[ast.Slice(), *_]):
            return True
        case _:
            return False


def _cut_out(owner: Series, piece: ast.Slice) -> Series:
    """Some items; if it cannot be told which, anything may be the last."""
    bounds = _numbers(piece.lower, piece.upper, piece.step)
    if owner.whole and bounds is not None and bounds[2] != 0:
        start, stop, step = bounds
        return Series(owner.items[start:stop:step], owner.kind, place=owner.place)
    return Series([*owner.items, Unknown()], owner.kind, whole=False, place=owner.place)


def _numbers(*bounds: ast.expr | None) -> list[int | None] | None:
    """Numbers that stand in the source; None if any bound is something else."""
    found: list[int | None] = []
    for bound in bounds:
        match bound:
            case None:
                found.append(None)
            case ast.Constant(value=int() as number):
                found.append(number)
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() as number)):
                found.append(-number)
            case _:
                return None
    return found


def _rest(owner: Sizes, axes: ast.expr) -> Value:
    """The sizes from an axis on, for a slice such as ``[1:]``."""
    match axes:
        case ast.Slice(lower=ast.Constant(value=int() as first), upper=None, step=None):
            return Sizes(first, owner.of)
        case _:
            return Unknown()


def _child(machine: Machine, owner: Network, index: Value) -> Value:
    if isinstance(index, Const):
        parts, number = list(owner.parts.values()), index.value
        if isinstance(number, int) and number < 0:
            return parts[number] if -number <= len(parts) else Unknown()
        return owner.parts.get(str(number), Unknown())
    children = [child for _, child in owner.children()]
    return _any_of(machine, list(children))
