"""Follows the parts of a batch through one turn of a loop: what each goes into, and what meets what."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from osler.static.sources import dotted
from osler.static.walking import walk

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


def take(turn: Turn, target: ast.expr) -> None:
    """The batch itself gets a name, or its parts do."""
    match target:
        case ast.Name(id=name):
            turn.batch = name
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            turn.names |= {p.id: frozenset({at}) for at, p in enumerate(parts) if isinstance(p, ast.Name)}
        case _:
            pass


def follow(turn: Turn, body: Sequence[ast.stmt]) -> None:
    """Go through statements, both ways of an `if`; what is compared in them is noted."""
    for statement in body:
        match statement:
            case ast.Assign(targets=[target], value=value):
                _assign(turn, target, value)
            case ast.AugAssign(target=ast.Name(id=name), value=value):
                turn.names[name] = turn.names.get(name, NONE) | _made_of(turn, value)
            case ast.With(body=inner):
                follow(turn, inner)
            case ast.If(body=inner, orelse=other):
                follow(turn, inner)
                follow(turn, other)
            case ast.Expr(value=value) | ast.AnnAssign(value=ast.expr() as value):
                _made_of(turn, value)
            case ast.Return(value=ast.expr() as value):
                _made_of(turn, value)
            case _:
                pass


def _assign(turn: Turn, target: ast.expr, value: ast.expr) -> None:
    match target, value:
        case ((ast.Tuple() | ast.List()), ast.Name(id=name)) if name == turn.batch:
            take(turn, target)
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
        follow(inner, defined[1].body)
        turn.pairs |= inner.pairs
    last = function.attr if isinstance(function, ast.Attribute) else dotted(function)
    return whole if last in KEEPS else frozenset(t for t in whole if isinstance(t, Output))


def _compare(turn: Turn, sides: list[Tokens]) -> None:
    single = [token for side in sides if len(side) == 1 for token in side]
    outputs = [token.part for token in single if isinstance(token, Output)]
    turn.pairs |= {(one, other) for one in outputs for other in single if not isinstance(other, Output)}
