"""What is known of values that a function moves at random, and of the objects that it names."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from osler.model import CallFact, Const, Maybe, Place, Value
from osler.static.fetch_writes import RANDOM
from osler.static.own_generators import full_name
from osler.static.random_numbers import drawn_from
from osler.static.sources import Source, dotted
from osler.static.values import Bound, Function, Instance, UserNetwork

STEERS = re.compile(r"[Ss]eed|[Ss]tate|fork_rng|default_rng|^Generator$|^Random$|[Dd]eterministic|[Rr]eplay")
"""Calls after which two draws may be the same."""

PARAMETERS = frozenset({"get_params", "make_params"})
"""Methods of transforms that draw what a later call does."""

Path = tuple[tuple[int, bool], ...]
"""Conditions that a statement stands under, each with the way that was taken."""


@dataclass(frozen=True, slots=True)
class Motion:
    """A geometric operation that random numbers decide.

    Attributes:
        draws: which numbers: operations that share one belong together.
        at: the statement of the outermost function that does it.
        drawn: where the numbers come from.
        path: the conditions it stands under.
    """

    draws: frozenset[int]
    at: Place
    drawn: Place
    path: Path


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of a value.

    Attributes:
        origins: what it was read from, each with the index of the sample.
        draws: the random numbers that decide it, if it is none of the data.
        drawn: where one of them comes from.
        motions: what was done to it.
        items: of a tuple or dict.
    """

    origins: frozenset[tuple[str, str]] = frozenset()
    draws: frozenset[int] = frozenset()
    drawn: Place = field(default_factory=Place)
    motions: tuple[Motion, ...] = ()
    items: Mapping[object, Seen] | None = None


NOTHING = Seen()


@dataclass(slots=True)
class Tally:
    """Random numbers that were drawn.

    Attributes:
        draws: how many.
        keepers: objects that drew from a generator of their own.
    """

    draws: int = 0
    keepers: set[int] = field(default_factory=set[int])


@dataclass(slots=True)
class Following:
    """A function that is being followed.

    Attributes:
        source: its file.
        function: its name.
        owner: what `self` is.
        lookup: global names.
        made: what calls from outside have made, by identity.
        names: what is known of its variables.
        values: variables that are objects.
        places: variables that are made from the index of the sample alone.
        under: the random numbers that decide whether the statement at hand is reached.
        path: conditions of the statement at hand.
        found: what it returns.
        is_sure: nothing was met that may make two draws the same.
        depth: of functions within functions.
        at: the call in the outermost function that led here.
        tally: of draws so far, all functions together.
    """

    source: Source
    function: str
    owner: Instance | UserNetwork | None
    lookup: Callable[[str], Value | None]
    made: Mapping[int, CallFact]
    names: dict[str, Seen] = field(default_factory=dict[str, Seen])
    values: dict[str, Value] = field(default_factory=dict[str, Value])
    places: frozenset[str] = frozenset()
    under: Seen = NOTHING
    path: Path = ()
    found: list[Seen] = field(default_factory=list[Seen])
    is_sure: bool = True
    depth: int = 0
    at: Place | None = None
    tally: Tally = field(default_factory=lambda: Tally())

    def place(self, node: ast.expr | ast.stmt) -> Place:
        """A line of this function."""
        return Place(self.source.file, node.lineno, self.function, span=self.source.span(node))

    def drawn(self, node: ast.expr) -> Seen:
        """A number that nobody has drawn before."""
        self.tally.draws += 1
        return Seen(draws=frozenset({self.tally.draws}), drawn=self.place(node))

    def keep_note(self, name: str) -> None:
        """A draw: objects with generators of their own may have given these the same seed."""
        if name.startswith("self."):
            self.tally.keepers.add(id(self.owner))

    def moved(self, data: Seen, by: Seen, node: ast.expr) -> Seen:
        """The data after a geometric operation that these numbers decide."""
        if not data.origins or not by.draws:
            return data
        motion = Motion(by.draws, self.at or self.place(node), by.drawn, self.path)
        return Seen(data.origins, motions=(*data.motions, motion))


def united(*parts: Seen) -> Seen:
    """What is made of these: data, or a number if none of them is."""
    origins = frozenset[tuple[str, str]]().union(*(p.origins for p in parts))
    motions = tuple(dict.fromkeys(m for p in parts for m in p.motions))
    if origins:
        return Seen(origins, motions=motions)
    draws = frozenset[int]().union(*(p.draws for p in parts))
    return Seen(draws=draws, drawn=next((p.drawn for p in parts if p.draws), Place()))


def merged(one: Seen, other: Seen, asked: Seen) -> Seen:
    """What is known behind two ways, if these numbers decided which was taken."""
    if one == other:
        return one
    items = None
    if one.items is not None and other.items is not None and one.items.keys() == other.items.keys():
        items = {key: merged(known, other.items[key], asked) for key, known in one.items.items()}
    both = united(one, other)
    whole = both if both.origins or asked.origins else united(both, asked)
    return Seen(whole.origins, whole.draws, whole.drawn, whole.motions, items)


def entry(known: Seen, key: object) -> Seen:
    """An entry of a tuple, dict or stored sample."""
    if known.items is not None and key in known.items:
        return known.items[key]
    if len(known.origins) == 1 and not known.motions:
        ((stored, index),) = known.origins
        return Seen(frozenset({(f"{stored}[{key!r}]", index)}))
    return united(known)


def value_of(state: Following, node: ast.expr) -> Value | None:
    """The object that an expression names: a transform, a number, a list."""
    found: Value | None = None
    match node:
        case ast.Constant(value=value):
            return Const(value)
        case ast.Name(id="self") if state.owner is not None:
            return state.owner
        case ast.Name(id=name):
            found = state.values.get(name) or (None if name in state.names else state.lookup(name))
        case ast.Attribute(value=inner, attr=attr):
            holder = value_of(state, inner)
            if isinstance(holder, Instance | UserNetwork) and holder.cls is not None:
                method = holder.cls.find(attr)
                found = holder.parts.get(attr)
                if found is None and isinstance(method, Function):
                    found = Bound(method, holder)
        case _:
            pass
    return found.value if isinstance(found, Maybe) else found


def is_draw(state: Following, node: ast.expr) -> bool:
    """The call draws random numbers, and nothing else."""
    match node:
        case ast.Call(func=ast.Attribute(value=inner, attr="item"), args=[]):
            return is_draw(state, inner)
        case ast.Call(func=function):
            name = dotted(function)
            last = function.attr if isinstance(function, ast.Attribute) else name
            if drawn_from(full_name(state.source, name)) or last in PARAMETERS:
                return True
            own = isinstance(value_of(state, function), Bound | Function)
            return bool(RANDOM.match(last)) and not own
        case _:
            return False


def holds(state: Following, test: ast.expr) -> bool | None:
    """Whether a condition is true of this very object, if that can be told."""
    match test:
        case ast.UnaryOp(op=ast.Not(), operand=inner):
            known = holds(state, inner)
            return None if known is None else not known
        case ast.BoolOp(op=ast.And(), values=parts):
            every = {holds(state, part) for part in parts}
            return False if False in every else None if None in every else True
        case ast.Compare(left=left, ops=[ast.Is() | ast.IsNot() as op], comparators=[ast.Constant(None)]):
            value = value_of(state, left)
            is_none = value == Const(None)
            return is_none is isinstance(op, ast.Is) if is_none or isinstance(value, Instance) else None
        case ast.Compare(left=left, ops=[ast.Eq() | ast.NotEq() as op], comparators=[ast.Constant(given)]):
            value = value_of(state, left)
            return (value.value == given) is isinstance(op, ast.Eq) if isinstance(value, Const) else None
        case ast.Compare(left=left, ops=[ast.Lt() | ast.LtE()], comparators=[chance]) if is_draw(state, left):
            return _is_certain(value_of(state, chance))
        case ast.Compare(left=chance, ops=[ast.Gt() | ast.GtE()], comparators=[right]) if is_draw(
            state, right
        ):
            return _is_certain(value_of(state, chance))
        case ast.Attribute() | ast.Constant() | ast.Name():
            value = value_of(state, test)
            return bool(value.value) if isinstance(value, Const) else None
        case _:
            return None


def _is_certain(chance: Value | None) -> bool | None:
    """A chance of nothing, or of all."""
    match chance:
        case Const(value=int() | float() as number) if number <= 0 or number >= 1:
            return number >= 1
        case _:
            return None
