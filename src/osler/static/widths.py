"""Losses over classes: how many columns they get, and how many classes their targets have."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from osler.model import Code, Const, Kind, Maybe, Network, Place, Tensor, Value, WidthFact
from osler.static.classes_of_data import Classes
from osler.static.following import Following
from osler.static.origins import Origins, written
from osler.static.regions import regions
from osler.static.sources import Source

LOSSES = frozenset({"cross_entropy", "nll_loss"})


def widths(sources: Sequence[Source], code: Code) -> Iterator[WidthFact]:
    """Each loss of which both numbers are known, once."""
    by_file = {s.file: s for s in sources}
    told: set[Place] = set()
    for action in code.actions(Kind.LOSS):
        source, found = by_file.get(action.place.file), _columns(action.value)
        if not action.words & LOSSES or source is None or found is None or action.place in told:
            continue
        told.add(action.place)
        classes = _classes(source, action.place)
        if classes is not None and action.recording is not False:
            columns, layer = found
            function = next(iter(action.words & LOSSES))
            yield WidthFact((action.place,), function, columns, (layer.place,), classes)


def _columns(value: Value | None) -> tuple[int, Network] | None:
    """How many columns come out of the linear layer behind a tensor, if they still are its columns."""
    inner = value.value if isinstance(value, Maybe) else value
    activation = inner.activation if isinstance(inner, Tensor) else None
    layer = activation.layer if activation is not None else None
    if layer is None or layer.layer != "torch.nn.Linear":
        return None
    match layer.options.get("out_features", layer.options.get(1)):
        case Const(value=int() as columns):
            return columns, layer
        case _:
            return None


def _classes(source: Source, place: Place) -> int | None:
    every = list(regions(source))
    match written(source, every, place):
        case (region, ast.Call(args=given, keywords=named)):
            targets = [*given[1:2], *(k.value for k in named if k.arg == "target")]
            return Classes(Following(Origins(every))).of(region, targets[0]) if len(targets) == 1 else None
        case _:
            return None
