"""Generators that a function seeds by itself, and what it draws from them."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from osler.static.own_generators import GENERATORS, full_name
from osler.static.random_numbers import SEEDING, drawn_from
from osler.static.sources import Source, dotted
from osler.static.walking import walk

ORDERS = frozenset({"permutation", "permuted", "shuffle", "randperm"})
"""What puts all of something in another order."""

CHOICES = frozenset("choice choices integers randint randrange sample multinomial".split())
"""What picks some of many."""

COINS = frozenset({"random", "rand", "bernoulli"})
"""What decides for each sample whether it is picked."""

COUNTS = re.compile(r"\blen\(|\.shape\b|\.size\(")
"""A number of samples in an argument."""

Steady = Callable[[ast.expr], bool]


@dataclass(frozen=True, slots=True)
class Seeded:
    """A generator gets its seed.

    Attributes:
        node: the statement or call.
        name: the variable it is in, if it has one.
        family: the package whose global generator it is; empty for one of the function's own.
        seed: the expression.
    """

    node: ast.stmt | ast.expr
    name: str
    family: str
    seed: ast.expr

    def is_in(self, expression: ast.expr) -> bool:
        """The expression is this generator."""
        return expression is self.node or bool(self.name and dotted(expression) == self.name)


def seeded_once(source: Source, function: ast.FunctionDef, steady: Steady) -> Iterator[Seeded]:
    """Generators that each call of the function seeds, once, in the same way."""
    found = [s for statement in _certain(function.body) for s in _seeded(source, statement)]
    names = [(s.name, s.family) for s in found if s.name or s.family]
    yield from (s for s in found if steady(s.seed) and names.count((s.name, s.family)) <= 1)


def _certain(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements that each call comes to, those that ask whether to shuffle included."""
    for statement in body:
        match statement:
            case ast.If(test=test, body=inner) if "shuffle" in ast.unparse(test):
                yield from _certain(inner)
            case ast.With(body=inner):
                yield from _certain(inner)
            case ast.Return() | ast.Assign() | ast.AnnAssign() | ast.Expr():
                yield statement
            case ast.For():
                yield ast.copy_location(ast.Expr(statement.iter), statement)
            case _:
                pass


def _seeded(source: Source, statement: ast.stmt) -> Iterator[Seeded]:
    match statement:
        case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call() as call) if (
            seed := _seed_of(source, call)
        ) is not None:
            yield Seeded(statement, name, "", seed)
            return
        case ast.Expr(value=ast.Call(func=ast.Attribute() as called, args=[seed])) if family := SEEDING.get(
            full_name(source, dotted(called)), ""
        ):
            yield Seeded(statement, "", family, seed)
        case ast.Expr(
            value=ast.Call(
                func=ast.Attribute(value=ast.Name(id=name), attr="manual_seed" | "seed"), args=[seed]
            )
        ):
            yield Seeded(statement, name, "", seed)
        case _:
            for call in walk(statement):
                if isinstance(call, ast.Call) and (seed := _seed_of(source, call)) is not None:
                    yield Seeded(call, "", "", seed)


def _seed_of(source: Source, call: ast.Call) -> ast.expr | None:
    """The seed that a generator is made with: `default_rng(0)`, `torch.Generator().manual_seed(0)`."""
    match call:
        case ast.Call(func=ast.Attribute(value=ast.Call(func=made), attr="manual_seed"), args=[seed]):
            return seed if full_name(source, dotted(made)) == "torch.Generator" else None
        case (
            ast.Call(func=made, args=[seed], keywords=[])
            | ast.Call(func=made, args=[], keywords=[ast.keyword(arg="seed", value=seed)])
        ):
            name = full_name(source, dotted(made))
            return seed if name in GENERATORS and not name.endswith("Generator") else None
        case _:
            return None


def drawn_with(source: Source, function: ast.FunctionDef, seeded: Seeded) -> Iterator[ast.Call]:
    """Calls that draw from the generator."""
    for call in walk(function):
        if not isinstance(call, ast.Call):
            continue
        given = [k.value for k in call.keywords if k.arg == "generator"]
        if seeded.family:
            if not given and drawn_from(full_name(source, dotted(call.func))) == seeded.family:
                yield call
            continue
        owner = [call.func.value] if isinstance(call.func, ast.Attribute) else []
        if any(map(seeded.is_in, (*owner, *given))):
            yield call


def last_name(call: ast.Call) -> str:
    """The part of the called name after the last dot."""
    match call.func:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
        case _:
            return ""


def purpose(function: ast.FunctionDef, call: ast.Call, *, is_sampler: bool) -> str:
    """``order`` or ``choice``; empty for numbers that may be the data themselves."""
    name = last_name(call)
    arguments = [ast.unparse(a) for a in (*call.args, *(k.value for k in call.keywords))]
    if name in ORDERS:
        return "choice" if _is_cut(function, call) else "order"
    if name not in CHOICES:
        return "choice" if is_sampler and name in COINS else ""
    if not is_sampler and not any(map(COUNTS.search, arguments)):
        return ""
    if name in {"sample", "choice"} and len(arguments) > 1 and arguments[1] in _whole(arguments[0]):
        return "order"
    return "choice"


def _whole(population: str) -> set[str]:
    """How all of it may be asked for."""
    inner = re.fullmatch(r"range\((.*)\)", population)
    return {population, f"len({population})", *({inner[1]} if inner else ())}


def _is_cut(function: ast.FunctionDef, call: ast.Call) -> bool:
    """Only the first of the order are taken: `torch.randperm(n, generator=g)[:k]`."""
    for node in walk(function):
        match node:
            case ast.Subscript(value=value, slice=ast.Slice(lower=None, upper=ast.expr(), step=None)):
                inner = value
                while isinstance(inner, ast.Call) and inner is not call:
                    inner = inner.func.value if isinstance(inner.func, ast.Attribute) else inner.func
                if inner is call:
                    return True
            case _:
                pass
    return False
