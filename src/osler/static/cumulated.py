"""Losses that sum up the answers of a model one after the other, in an order that is random."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from osler.model import Action, CallFact, Code, Const, CumulatedFact, Kind, Place, Shuffle, Tensor
from osler.static.origins import written
from osler.static.queries import is_unclear, root_sites
from osler.static.regions import own, regions
from osler.static.sources import Source, dotted
from osler.static.walking import walk

OPERATIONS = ("cumsum", "logcumsumexp", "cumprod", "cummax", "cummin")
"""Operations along an axis whose results depend on the order."""

ORDERS = frozenset(
    "argsort sort sorted msort lexsort topk searchsorted bucketize kthvalue argpartition".split()
)
"""What puts entries in order, or finds the place at which each would stand."""

DIFFERENCES = frozenset({"diff", "gather", "index_select", "take", "segment_reduce", "take_along_dim"})
"""What makes sums over parts of a sum that runs over everything."""


def cumulated(sources: Sequence[Source], code: Code) -> Iterator[CumulatedFact]:
    """Each such line once."""
    by_file = {s.file: s for s in sources}
    told: set[tuple[str, int]] = set()
    for call in code.calls_of(*(f"{owner}.{name}" for owner in ("torch", "Tensor") for name in OPERATIONS)):
        order, source, key = _order(call), by_file.get(call.place.file), (call.place.file, call.place.line)
        if order is None or source is None or key in told or not _is_trained_on(code, call):
            continue
        if _is_settled(source, call):
            continue
        told.add(key)
        yield CumulatedFact(
            call.place, call.last, order.place, order.name, order.kind == "loader", _scored(code, call)
        )


def _order(call: CallFact) -> Shuffle | None:
    """The random order of the answers over which it runs."""
    first = call.arguments.get(0, call.arguments.get("input"))
    axis = call.arguments.get("dim", call.arguments.get("axis", call.arguments.get(1)))
    if call.recording is False or call.spread or axis != Const(0) or not isinstance(first, Tensor):
        return None
    order = first.shuffled
    known = order is not None and bool(order.place.line) and order.kind != "indices" and not order.parts
    return order if known and (first.has_graph or call.network is not None) else None


def _is_trained_on(code: Code, call: CallFact) -> bool:
    return any(_leads_to(call, b) for b in code.actions(Kind.BACKWARD))


def _leads_to(call: CallFact, backward: Action) -> bool:
    """The backward goes through what was computed here, as far as can be told from the models behind it."""
    root, first = backward.value, call.arguments.get(0)
    if is_unclear(backward) or not isinstance(root, Tensor):
        return False
    if isinstance(first, Tensor) and first.sites:
        return bool(first.sites & root_sites(backward))
    return any(call.network is part for model in root.models for part in model.walk())


def _scored(code: Code, call: CallFact) -> tuple[Place, ...]:
    """Where the model is called whose answers these are."""
    first = call.arguments.get(0)
    sites = first.sites if isinstance(first, Tensor) else frozenset[Place]()
    trained = {a.place for a in code.actions(Kind.FORWARD) if a.subject is not call.network}
    return tuple(sorted(sites & trained, key=lambda p: (p.file, p.line)))[:1]


def _is_settled(source: Source, call: CallFact) -> bool:
    """Something in the function, or in the loop around, looks after the order or takes parts of the sums."""
    found = written(source, list(regions(source)), call.place)
    if found is None:
        return True
    region, node = found
    turn = next((line.loops[-1:] for line in region.lines if any(n is node for n in own(line.node))), ())
    lines = [line for line in region.lines if not turn or turn[0] in line.loops]
    nodes = [n for line in lines for n in own(line.node)]
    names = {n.attr for n in nodes if isinstance(n, ast.Attribute)} | {
        n.id for n in nodes if isinstance(n, ast.Name)
    }
    if names & (ORDERS | DIFFERENCES):
        return True
    taken = [n for n in nodes if isinstance(n, ast.Subscript) and _is_of(n.value, node, call.target)]
    logarithm = call.last == "logcumsumexp"
    return any(not logarithm or _is_part(n.slice) for n in taken)


def _is_of(value: ast.expr, node: ast.expr, target: str) -> bool:
    return dotted(value) == target != "" or any(n is node for n in walk(value))


def _is_part(index: ast.expr) -> bool:
    """A number or a range, as of the last sum; a condition on each entry is none."""
    return isinstance(index, ast.Slice | ast.Constant | ast.UnaryOp | ast.BinOp)
