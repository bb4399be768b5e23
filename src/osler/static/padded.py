"""Targets that a collate function fills up to the same length, in a loss that counts every position."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from osler.model import Action, Code, Kind, Loss, PaddedFact, Place
from osler.static.losses import reduction
from osler.static.origins import Origins, batch_part, last, returned, written
from osler.static.regions import Region, own, regions
from osler.static.sources import Source, dotted

LOSSES = frozenset({"cross_entropy", "nll_loss"})
IGNORED = -100
"""The target that these losses leave out unless they are told otherwise."""

SETTLES = frozenset({"ignore_index", "weight", "**"})
"""Options that may leave padding out; a position stands for one that is not named."""

FORMS = frozenset("view reshape flatten contiguous long to cuda transpose permute t".split())
"""Methods after which the same positions are there."""

PADDING = 2
"""Where `padding_value` stands among the arguments of `pad_sequence`."""


def padded(sources: Sequence[Source], code: Code) -> Iterator[PaddedFact]:
    """Each such loss, once."""
    by_file = {s.file: s for s in sources if "pad_sequence" in s.text}
    told: set[Place] = set()
    for action in code.actions(Kind.LOSS) if by_file else ():
        source = by_file.get(action.place.file)
        if source is None or action.place in told or action.recording is False or not _counts_all(action):
            continue
        told.add(action.place)
        yield from _in_loss(source, action)


def _counts_all(action: Action) -> bool:
    if not isinstance(action.subject, Loss) or not action.words & LOSSES:
        return False
    options = action.subject.options
    return not SETTLES & options.keys() and reduction(options) in {"mean", "sum"}


def _in_loss(source: Source, action: Action) -> Iterator[PaddedFact]:
    every = list(regions(source))
    match written(source, every, action.place):
        case (region, ast.Call(args=given, keywords=named) as node) if isinstance(action.subject, Loss):
            function = next(iter(action.words & LOSSES))
            own_positions = 2 if last(node) == function else 0
            if any(isinstance(key, int) and key >= own_positions for key in action.subject.options):
                return
            for target in (*given[1:2], *(k.value for k in named if k.arg == "target")):
                for home, call in _filled(Origins(every), region, target):
                    value = _value(call)
                    if value is not None and value != IGNORED:
                        site = (home.place(call),)
                        yield PaddedFact((action.place,), function, ast.unparse(target), site, value)
        case _:
            pass


def _filled(origins: Origins, region: Region, node: ast.expr) -> Iterator[tuple[Region, ast.Call]]:
    """The call that fills the targets up, if nothing was left out since."""
    match node:
        case ast.Call(func=ast.Attribute(value=inner, attr=attr)) if attr in FORMS:
            yield from _filled(origins, region, inner)
        case ast.Subscript(value=inner, slice=ast.Slice() | ast.Tuple() as index) if _cuts(index):
            yield from _filled(origins, region, inner)
        case ast.Name(id=name) if not _is_written_to(region, name):
            for over, position in _batches(origins, region, name):
                for loader in origins.calls(region, over):
                    yield from _collated(origins, loader, position)
        case _:
            pass


def _cuts(index: ast.expr) -> bool:
    parts = index.elts if isinstance(index, ast.Tuple) else [index]
    return all(isinstance(p, ast.Slice) for p in parts)


def _batches(origins: Origins, region: Region, name: str) -> Iterator[tuple[ast.expr, int]]:
    """The loaders that hand the targets out; none if some line gives the name another value."""
    found: list[tuple[ast.expr, int]] = []
    for line in origins.bindings(region, name):
        match line.node:
            case ast.For(target=target, iter=over):
                part = batch_part(target, over, name)
                found += [part] if part is not None else []
            case ast.Assign(targets=[ast.Name()], value=value) if _is_itself(value, name):
                pass
            case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=values)):
                own_values = [v for n, v in zip(names, values, strict=False) if dotted(n) == name]
                if not all(_is_itself(v, name) for v in own_values):
                    return
            case _:
                return
    yield from found


def _is_itself(value: ast.expr, name: str) -> bool:
    while isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and value.func.attr in FORMS:
        value = value.func.value
    return isinstance(value, ast.Name) and value.id == name


def _is_written_to(region: Region, name: str) -> bool:
    """Some of its positions are given another value."""
    for line in region.lines:
        for node in own(line.node):
            match node:
                case ast.Subscript(value=ast.Name(id=owner), ctx=ast.Store()) if owner == name:
                    return True
                case ast.Attribute(value=ast.Name(id=owner), attr=attr) if owner == name and attr[-1] == "_":
                    return True
                case _:
                    pass
    return False


def _collated(origins: Origins, loader: ast.Call, position: int) -> Iterator[tuple[Region, ast.Call]]:
    """What the collate function of a loader fills up and returns at this position."""
    given = [k.value for k in loader.keywords if k.arg == "collate_fn"]
    function = origins.function(given[0]) if given and last(loader).endswith("DataLoader") else None
    value = returned(function) if function is not None else None
    if function is None or not isinstance(value, ast.Tuple | ast.List) or position >= len(value.elts):
        return
    entry = value.elts[position]
    call = _last_given(origins, function, entry) if isinstance(entry, ast.Name) else entry
    if isinstance(call, ast.Call) and last(call) == "pad_sequence":
        yield function, call


def _last_given(origins: Origins, function: Region, name: ast.Name) -> ast.expr | None:
    """What a name stands for at the end of a function, if that is certain."""
    lines = [line.node for line in origins.bindings(function, name.id)]
    end = function.lines[-1].node
    match lines[-1:]:
        case [ast.Assign(targets=[ast.Name()], value=value) as line] if line.col_offset == end.col_offset:
            return None if _is_written_to(function, name.id) else value
        case _:
            return None


def _value(call: ast.Call) -> int | None:
    """With what sequences are filled up; None if that is not known."""
    named = {k.arg: k.value for k in call.keywords}
    match named.get("padding_value", call.args[PADDING] if len(call.args) > PADDING else ast.Constant(0)):
        case ast.Constant(value=int() | float() as value):
            return int(value)
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
            return -int(value)
        case _:
            return None
