"""Columns that a linear layer has put out and that meet targets of one axis: torch spreads both."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator, Sequence

from osler.model import Code, Const, Kind, Maybe, Network, Place, SpreadFact, Tensor, Value
from osler.static.following import Following
from osler.static.origins import Origins, written
from osler.static.ranks import Ranks
from osler.static.regions import regions
from osler.static.sources import Source

LOSSES = frozenset({"mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss"})
"""Losses that accept two shapes; others refuse them."""


def spread(sources: Sequence[Source], code: Code) -> Iterator[SpreadFact]:
    """Each line at which such tensors meet, once."""
    by_file = {s.file: s for s in sources}
    told: set[Place] = set()
    for place, operation, layer in _columns(code):
        source = by_file.get(place.file)
        if source is None or place in told:
            continue
        told.add(place)
        for target in _row(source, place):
            yield SpreadFact((place,), operation, (layer.place,), target)


def _columns(code: Code) -> Iterator[tuple[Place, str, Network]]:
    """Losses and differences of which one side is a column."""
    for action in code.actions(Kind.LOSS):
        function = next(iter(action.words & LOSSES), "")
        layer = _layer(action.value)
        if function and layer is not None and action.recording is not False and _layer(action.target) is None:
            yield action.place, function, layer
    for call in code.calls_of("-"):
        layers = [_layer(v) for v in (call.arguments[0], call.arguments[1])]
        layer = layers[0] or layers[1]
        if layer is not None and None in layers and call.recording is not False:
            yield call.place, "-", layer


def _layer(value: Value | None) -> Network | None:
    """The linear layer whose only column this still is."""
    inner = value.value if isinstance(value, Maybe) else value
    if not isinstance(inner, Tensor) or inner.activation is None:
        return None
    layer = inner.activation.layer
    if layer is None or layer.layer != "torch.nn.Linear":
        return None
    width = layer.options.get("out_features", layer.options.get(1))
    return layer if width == Const(1) else None


def _row(source: Source, place: Place) -> Iterator[str]:
    """What is compared at a place, if it certainly has one axis and is longer than one."""
    every = list(regions(source))
    found = written(source, every, place)
    if found is not None:
        region, node = found
        ranks = Ranks(Following(Origins(every)))
        rows = (side for side in _sides(node) if ranks.of(region, side) == 1)
        yield from (ast.unparse(side) for side in itertools.islice(rows, 1))


def _sides(node: ast.expr) -> list[ast.expr]:
    match node:
        case ast.BinOp(left=left, right=right):
            return [left, right]
        case ast.Call(args=given, keywords=named):
            return [*given[:2], *(k.value for k in named if k.arg in {"input", "target"})]
        case _:
            return []
