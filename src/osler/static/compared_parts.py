"""Which part of a batch goes into the model, and which one its output is compared with, place by place."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from osler.model import Action, Kind, Loader, Loop, Maybe, Place, Tensor, Value, flat
from osler.static.sources import Source, dotted
from osler.static.values import Function, UserNetwork
from osler.static.walking import walk

WRAPS = frozenset({"enumerate", "tqdm", "islice", "track"})
"""What goes through something else."""

KEEPS = frozenset(
    "to cuda cpu float long double half int bool type type_as flatten view reshape squeeze unsqueeze "
    "contiguous detach clone permute clamp interpolate one_hot".split()
)
"""What leaves each entry of a target where it is, or moves all of them alike."""

DEEPEST = 3
"""Loss functions of the user's that are followed into each other."""


@dataclass(frozen=True, slots=True)
class Output:
    """What the model makes of a part."""

    part: object


Tokens = frozenset[object]
"""Keys of the parts that a value was made from; an `Output` once one went through the model."""

Spot = tuple[str, int, int]
"""File, line and column of a call."""

NONE: Tokens = frozenset()


@dataclass(slots=True)
class Turn:
    """One turn of a loop, or a function that it calls, while it is followed.

    Attributes:
        file: it is in.
        called: where models are called.
        losses: where losses of torch are.
        own: functions of the user's by name, and modules of theirs by the place where they are called.
        names: variables, with the parts they are made from.
        batch: the variable that holds all parts.
        pairs: what was compared: the part that went into the model, and the other.
        depth: of functions within functions.
    """

    file: str
    called: frozenset[Spot]
    losses: frozenset[Spot]
    own: Mapping[str | Spot, tuple[str, ast.FunctionDef]]
    names: dict[str, Tokens] = field(default_factory=dict[str, Tokens])
    batch: str = ""
    pairs: set[tuple[object, object]] = field(default_factory=set[tuple[object, object]])
    depth: int = 0

    def spot(self, node: ast.expr) -> Spot:
        """Where a call stands."""
        return (self.file, node.lineno, node.col_offset + 1)


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
            _take(turn, _item(node))
            _follow(turn, node.body)
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


def _take(turn: Turn, target: ast.expr) -> None:
    """The batch itself gets a name, or its parts do."""
    match target:
        case ast.Name(id=name):
            turn.batch = name
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            turn.names |= {p.id: frozenset({at}) for at, p in enumerate(parts) if isinstance(p, ast.Name)}
        case _:
            pass


def _follow(turn: Turn, body: Sequence[ast.stmt]) -> None:
    for statement in body:
        match statement:
            case ast.Assign(targets=[target], value=value):
                _assign(turn, target, value)
            case ast.AugAssign(target=ast.Name(id=name), value=value):
                turn.names[name] = turn.names.get(name, NONE) | _made_of(turn, value)
            case ast.With(body=inner):
                _follow(turn, inner)
            case ast.If(body=inner, orelse=other):
                _follow(turn, inner)
                _follow(turn, other)
            case ast.Expr(value=value) | ast.AnnAssign(value=ast.expr() as value):
                _made_of(turn, value)
            case ast.Return(value=ast.expr() as value):
                _made_of(turn, value)
            case _:
                pass


def _assign(turn: Turn, target: ast.expr, value: ast.expr) -> None:
    match target, value:
        case ((ast.Tuple() | ast.List()), ast.Name(id=name)) if name == turn.batch:
            _take(turn, target)
        case (
            (ast.Tuple(elts=parts) | ast.List(elts=parts)),
            (ast.Tuple(elts=values) | ast.List(elts=values)),
        ):
            for part, tokens in zip(parts, [_made_of(turn, v) for v in values], strict=False):
                if isinstance(part, ast.Name):
                    turn.names[part.id] = tokens
        case _:
            tokens = _made_of(turn, value)
            turn.names |= {n.id: tokens for n in walk(target) if isinstance(n, ast.Name)}


def _made_of(turn: Turn, node: ast.expr) -> Tokens:
    """The parts that went into an expression; comparisons in it are noted."""
    match node:
        case ast.Name(id=name):
            return turn.names.get(name, NONE)
        case ast.Subscript(value=ast.Name(id=name), slice=ast.Constant(value=key)) if name == turn.batch:
            return frozenset({key})
        case ast.Call():
            return _call(turn, node)
        case ast.BinOp(left=left, op=op, right=right):
            sides = [_made_of(turn, left), _made_of(turn, right)]
            if isinstance(op, ast.Sub | ast.Mult):
                _compare(turn, sides)
            return NONE.union(*sides)
        case _:
            inner = (n for n in ast.iter_child_nodes(node) if isinstance(n, ast.expr))
            return NONE.union(*(_made_of(turn, n) for n in inner))


def _call(turn: Turn, node: ast.Call) -> Tokens:
    function, spot = node.func, turn.spot(node)
    given = [_made_of(turn, a) for a in (*node.args, *(k.value for k in node.keywords))]
    owner = _made_of(turn, function.value) if isinstance(function, ast.Attribute) else NONE
    whole = NONE.union(owner, *given)
    if not owner and len(whole) == 1 and spot in turn.called:
        (part,) = whole
        return whole if isinstance(part, Output) else frozenset({Output(part)})
    if spot in turn.losses:
        _compare(turn, given)
    defined = turn.own.get(spot) or turn.own.get(function.id if isinstance(function, ast.Name) else "")
    if defined is not None and turn.depth < DEEPEST:
        names = [a.arg for a in defined[1].args.args if a.arg != "self"]
        passed = dict(zip(names, given, strict=False))
        inner = Turn(defined[0], turn.called, turn.losses, turn.own, passed, depth=turn.depth + 1)
        _follow(inner, defined[1].body)
        turn.pairs |= inner.pairs
    last = function.attr if isinstance(function, ast.Attribute) else dotted(function)
    return whole if last in KEEPS else frozenset(t for t in whole if isinstance(t, Output))


def _compare(turn: Turn, sides: list[Tokens]) -> None:
    single = [token for side in sides if len(side) == 1 for token in side]
    outputs = [token.part for token in single if isinstance(token, Output)]
    turn.pairs |= {(one, other) for one in outputs for other in single if not isinstance(other, Output)}


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
