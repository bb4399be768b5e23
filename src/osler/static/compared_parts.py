"""Which part of a batch goes into the model, and which one its output is compared with, place by place."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from osler.model import Action, Kind, Loader, Loop, Maybe, Place, Tensor, Value, flat
from osler.static.batch_parts import KEEPS, Spot, Turn, follow, take
from osler.static.sources import Source, dotted
from osler.static.values import Function, UserNetwork
from osler.static.walking import walk

WRAPS = frozenset({"enumerate", "tqdm", "islice", "track"})
"""What goes through something else."""


def compared_parts(sources: Sequence[Source], loop: Loop) -> set[tuple[object, object]]:
    """Keys of the part that the model gets and of the part its output is compared with, both in this loop."""
    actions = [a for a in flat(loop.body) if a.recording is not False]
    forwards = [a for a in actions if a.kind is Kind.FORWARD]
    called = frozenset(_spot(a.place) for a in forwards)
    losses = frozenset(_spot(a.place) for a in actions if a.kind is Kind.LOSS)
    own = _functions(sources)
    for action in forwards:
        model = action.subject
        method = model.cls.find("forward") if isinstance(model, UserNetwork) and model.cls else None
        if isinstance(method, Function) and isinstance(method.node, ast.FunctionDef):
            own[_spot(action.place)] = (method.source.file, method.node)
    found: set[tuple[object, object]] = set()
    for node in _at(sources, loop.place):
        if isinstance(node, ast.For):
            turn = Turn(loop.place.file, called, losses, own)
            take(turn, _item(node))
            follow(turn, node.body)
            found |= turn.pairs
    return found


def _spot(place: Place) -> Spot:
    return (place.file, place.line, place.span.column if place.span is not None else 0)


def _functions(sources: Sequence[Source]) -> dict[str | Spot, tuple[str, ast.FunctionDef]]:
    """The functions of all files, those of which there is one of that name."""
    found: dict[str, list[tuple[str, ast.FunctionDef]]] = {}
    for source in sources:
        for node in source.tree.body if source.tree is not None else ():
            if isinstance(node, ast.FunctionDef):
                found.setdefault(node.name, []).append((source.file, node))
    return {name: same[0] for name, same in found.items() if len(same) == 1}


def _at(sources: Sequence[Source], place: Place) -> Iterator[ast.AST]:
    for source in sources:
        if source.file == place.file and source.tree is not None:
            yield from (n for n in walk(source.tree) if getattr(n, "lineno", 0) == place.line)


def _item(loop: ast.For) -> ast.expr:
    """What gets the batch: the second where `enumerate` counts."""
    over, target = loop.iter, loop.target
    while isinstance(over, ast.Call) and dotted(over.func).rpartition(".")[2] in WRAPS and over.args:
        if dotted(over.func) == "enumerate" and isinstance(target, ast.Tuple) and len(target.elts) == 2:
            target = target.elts[1]
        over = over.args[0]
    return target


def is_compared(sources: Sequence[Source], loop: Loop, loader: Loader) -> bool:
    """A loss of a function that the loop calls compares an output with what the loader handed out."""
    actions = [a for a in flat(loop.body) if a.recording is not False]
    fed = {name for a in actions if a.kind is Kind.FORWARD for name in _arguments(sources, a.place)}
    for action in actions:
        home = (action.place.file, action.place.function) == (loop.place.file, loop.place.function)
        if action.kind is Kind.LOSS and not home and _is_of(action, loader):
            target = _arguments(sources, action.place, 1)
            if len(target) == 1 and not target & fed and _stays(sources, action.place, *target):
                return True
    return False


def _is_of(action: Action, loader: Loader) -> bool:
    output, target = _bare(action.value), _bare(action.target)
    if not isinstance(output, Tensor) or not isinstance(target, Tensor) or not output.has_graph:
        return False
    return not target.has_graph and not target.models and (target.batch is loader or loader in target.loaders)


def _bare(value: Value | None) -> Value | None:
    return value.value if isinstance(value, Maybe) else value


def _arguments(sources: Sequence[Source], place: Place, at: int | None = None) -> set[str]:
    """The names in the arguments of the call that stands there, or what one of them is called."""
    column = _spot(place)[2]
    calls = [n for n in _at(sources, place) if isinstance(n, ast.Call) and n.col_offset + 1 == column]
    if at is None:
        given = (a for c in calls for a in (*c.args, *(k.value for k in c.keywords)))
        return {dotted(n) for a in given for n in walk(a)} - {""}
    return {dotted(c.args[at]) for c in calls if len(c.args) > at} - {""}


def _stays(sources: Sequence[Source], place: Place, name: str) -> bool:
    """The function does nothing to the variable that changes where its entries are."""
    for source in sources:
        for node in walk(source.tree) if source.file == place.file and source.tree is not None else ():
            if not isinstance(node, ast.FunctionDef) or node.name != place.function:
                continue
            for inner in walk(node):
                if isinstance(inner, ast.Assign) and name in {
                    dotted(n) for t in inner.targets for n in walk(t)
                }:
                    calls = [n for n in walk(inner.value) if isinstance(n, ast.Call)]
                    if not all(dotted(c.func).rpartition(".")[2] in KEEPS for c in calls):
                        return False
    return True
