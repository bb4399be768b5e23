"""Values that only the reader needs: functions, classes, instances, and what is bound to them."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from dataclasses import dataclass, field

from osler.model import Const, Network, Place, Value
from osler.static.shelf import Position
from osler.static.sources import Source
from osler.static.walking import walk

Def = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda

Key = tuple[str, int, int]
"""File, line and column of a definition."""


@dataclass(slots=True, eq=False)
class Scope:
    """Names and their values; what is missing is looked up in the parent."""

    names: dict[str, Value] = field(default_factory=dict[str, Value])
    parent: Scope | None = None
    outward: frozenset[str] = frozenset()

    def find(self, name: str) -> Value | None:
        """The value of a name, here or in a scope around."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.names:
                return scope.names[name]
            scope = scope.parent
        return None

    def holder(self, name: str) -> Scope:
        """The scope that an assignment to this name writes to."""
        scope: Scope = self
        if name in self.outward:
            while scope.parent is not None and (name not in scope.names or scope is self):
                scope = scope.parent
        return scope


@dataclass(slots=True, eq=False)
class Namespace(Value):
    """A module of the linted tree."""

    source: Source
    scope: Scope


@dataclass(slots=True, eq=False)
class Function(Value):
    """A function of the user's.

    Attributes:
        name: as the source calls it.
        scope: where its free names are looked up.
        source: the file it is in.
        at: where in that file it is defined.
        owner: the class whose method it is.
        decorators: full names, as far as known.
    """

    name: str
    scope: Scope
    source: Source
    at: Position
    owner: Class | None = None
    decorators: tuple[str, ...] = ()

    @property
    def node(self) -> Def:
        """Its definition; whoever keeps it keeps it from being thrown away."""
        node = self.source.definition(self.at)
        if isinstance(node, ast.ClassDef):
            raise LookupError(f"{self.name} is a class")
        return node

    @property
    def key(self) -> Key:
        """The same for each function that is made by this definition."""
        return (self.source.file, *self.at)

    def is_made(self, *decorators: str) -> bool:
        """Whether one of these decorators, by last name, stands above it."""
        return any(d.rpartition(".")[2] in decorators for d in self.decorators)


def function_of(node: Def, scope: Scope, source: Source, decorators: tuple[str, ...] = ()) -> Function:
    """The function that a definition makes."""
    name = "lambda" if isinstance(node, ast.Lambda) else node.name
    return Function(name, scope, source, source.define(node), decorators=decorators)


@dataclass(eq=False)
class Class(Value):
    """A class of the user's, defined in a file at a position."""

    name: str
    source: Source
    at: Position
    bases: tuple[Value, ...]
    names: dict[str, Value] = field(default_factory=dict[str, Value])
    instances: list[Value] = field(default_factory=list[Value])

    @property
    def node(self) -> ast.ClassDef:
        """Its definition; whoever keeps it keeps it from being thrown away."""
        node = self.source.definition(self.at)
        if not isinstance(node, ast.ClassDef):
            raise LookupError(f"{self.name} is no class")
        return node

    @property
    def key(self) -> Key:
        """The same for each class that is made by this definition."""
        return (self.source.file, *self.at)

    @functools.cached_property
    def changing(self) -> frozenset[str]:
        """Attributes that methods other than ``__init__`` assign: their values are not those of the start."""
        methods = (n for n in self.node.body if isinstance(n, ast.FunctionDef) and n.name != "__init__")
        return frozenset(
            part.attr
            for method in methods
            for part in walk(method)
            if isinstance(part, ast.Attribute) and isinstance(part.ctx, ast.Store)
        )

    def lineage(self) -> Iterator[Class]:
        """The class and those it is made from, nearest first."""
        yield self
        for base in self.bases:
            if isinstance(base, Class) and base is not self:
                yield from base.lineage()

    def find(self, name: str) -> Value | None:
        """A method or attribute of the class or of those it is made from."""
        return next((c.names[name] for c in self.lineage() if name in c.names), None)


def methods_of(cls: Class) -> dict[str, Function]:
    """Its methods, those of the classes that it is made from included."""
    names = {n: v for c in reversed(list(cls.lineage())) for n, v in c.names.items()}
    return {n: v for n, v in names.items() if isinstance(v, Function)}


@dataclass(slots=True, eq=False)
class Instance(Value):
    """An object of a class of the user's that is no module."""

    cls: Class
    parts: dict[str, Value] = field(default_factory=dict[str, Value])


@dataclass(slots=True, eq=False)
class UserNetwork(Network):
    """A module of a class of the user's; `nn.Module.__init__` was called on it if it is ``started``."""

    cls: Class | None = None
    started: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Bound(Value):
    """A function of the user's with the object it is called on."""

    function: Function
    owner: Value


@dataclass(frozen=True, slots=True, eq=False)
class Doing(Value):
    """A method of something the reader knows: `optimizer.step`, `model.eval`, `tensor.view`."""

    receiver: Value
    name: str


@dataclass(frozen=True, slots=True, eq=False)
class Partial(Value):
    """`functools.partial`."""

    function: Value
    positional: tuple[Value, ...]
    named: tuple[tuple[str, Value], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Super(Value):
    """`super()` inside a method."""

    owner: Value
    cls: Class


@dataclass(slots=True, eq=False)
class Once(Value):
    """An iterator over what a module holds: it can be gone through once.

    Attributes:
        text: as the source makes it.
        place: where.
        name: what keeps it; empty as long as nothing does.
    """

    text: str
    place: Place
    name: str = ""


@dataclass(slots=True)
class Arguments:
    """What a call is given; ``spread`` if more may be hidden behind ``*`` or ``**``."""

    positional: list[Value] = field(default_factory=list[Value])
    named: dict[str, Value] = field(default_factory=dict[str, Value])
    spread: bool = False

    def at(self, position: int, name: str = "") -> Value | None:
        """An argument by name or position."""
        if name in self.named:
            return self.named[name]
        return self.positional[position] if position < len(self.positional) else None

    def every(self) -> list[Value]:
        """All of them."""
        return [*self.positional, *self.named.values()]

    def is_true(self, name: str) -> bool:
        """It is given by name, as ``True``."""
        given = self.named.get(name)
        return isinstance(given, Const) and given.value is True

    def options(self) -> dict[object, Value]:
        """By position or name; ``**`` stands for those that are not known."""
        hidden: dict[object, Value] = {"**": Value()} if self.spread else {}
        return {**dict(enumerate(self.positional)), **self.named, **hidden}
