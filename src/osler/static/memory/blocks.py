"""What an expression may stand for where memory is followed: pieces of it, and what holds or makes them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from osler.model import Place
from osler.static.sources import Source

MOST = 6
"""Things that one name may stand for; beyond, nothing is known of it."""

ARRAYS = frozenset({"array", "weights"})


@dataclass(slots=True, eq=False)
class Block:
    """One piece of memory that can be changed.

    Attributes:
        kind: ``array``, ``list``, ``layer``, ``weights``, ``optimizer``; ``other`` if that is not known.
        name: what the source calls it.
        parts: weights and layers below a layer.
        longest: of a queue that forgets.
        dtype: of an array, where it is known.
    """

    kind: str = "other"
    name: str = ""
    parts: dict[str, Block] = field(default_factory=dict[str, "Block"])
    longest: int = 0
    dtype: str = ""


@dataclass(frozen=True, slots=True)
class Ref:
    """A piece of memory, as a name got hold of it.

    Attributes:
        block: the memory.
        since: when: what it held then is what the name is to stand for.
        home: the attribute that it was taken from.
        by: the line by which the object that keeps it handed it out, if one did.
        giver: the method that did.
        is_part: it is a part of the memory, which a change of the rest does not touch.
    """

    block: Block
    since: int = 0
    home: tuple[Thing, str] | None = None
    by: Place | None = None
    giver: str = ""
    is_part: bool = False


@dataclass(slots=True, eq=False)
class Scope:
    """Where names are looked up: a call, a module, or a class."""

    source: Source
    parent: Scope | None = None
    outward: set[str] = field(default_factory=set[str])


@dataclass(slots=True, eq=False)
class Class:
    """A class of the user's."""

    node: ast.ClassDef
    scope: Scope
    bases: tuple[Value, ...]

    def lineage(self) -> Iterator[Class]:
        """The class and those it is made from, as far as they were read."""
        todo, seen = [self], set[Class]()
        while todo:
            cls = todo.pop(0)
            if cls not in seen:
                seen.add(cls)
                yield cls
                todo += [one for base in cls.bases for one in base if isinstance(one, Class)]

    def outer_bases(self) -> Iterator[str]:
        """Full names of the classes from outside that it is made from; empty for what is not known."""
        for cls in self.lineage():
            for base in cls.bases:
                if not any(isinstance(one, Class) for one in base):
                    yield next((one.name for one in base if isinstance(one, Outside)), "")

    @property
    def is_module(self) -> bool:
        """It is made from `nn.Module`."""
        return any(name.startswith("torch.nn.") for name in self.outer_bases())


@dataclass(slots=True, eq=False)
class Thing:
    """An object of a class of the user's.

    Attributes:
        cls: the class.
        weights: all its parameters, if it is a module.
    """

    cls: Class
    weights: Block = field(default_factory=lambda: Block("weights"))


@dataclass(frozen=True, slots=True)
class Outside:
    """Something imported from outside, by its full name."""

    name: str


@dataclass(slots=True, eq=False)
class Function:
    """A function of the user's, perhaps bound to an object."""

    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    scope: Scope
    owner: Class | None = None
    thing: Thing | None = None

    @property
    def name(self) -> str:
        """With its class."""
        own = "lambda" if isinstance(self.node, ast.Lambda) else self.node.name
        return f"{self.owner.node.name}.{own}" if self.owner is not None else own


@dataclass(frozen=True, slots=True)
class Group:
    """A tuple, or anything that only holds other values."""

    items: tuple[Value, ...]


One = Ref | Thing | Group | Class | Function | Outside | Scope
Value = tuple[One, ...]
"""All that an expression may stand for; nothing if it is a number, a text or None."""

NOTHING: Value = ()


def is_array(value: Value) -> bool:
    """It is an array, whatever else is not known of it."""
    return bool(value) and all(isinstance(one, Ref) and one.block.kind in ARRAYS for one in value)


def is_list(value: Value) -> bool:
    """It is a list, a queue or a set."""
    return bool(value) and all(isinstance(one, Ref) and one.block.kind == "list" for one in value)


def either(*values: Value) -> Value:
    """One of these; of the same memory the latest reference counts."""
    refs: dict[Block, Ref] = {}
    others: list[One] = []
    for one in (one for value in values for one in value):
        if isinstance(one, Ref):
            known = refs.get(one.block)
            if known is None or known.since < one.since:
                refs[one.block] = one
        elif one not in others:
            others.append(one)
    joined: Value = (*refs.values(), *others)
    return joined if len(joined) <= MOST else (Ref(Block()),)


def refs_in(value: Value) -> Iterator[tuple[Ref, ...]]:
    """The memory in each place of a value, all that it may be."""
    own = tuple(one for one in value if isinstance(one, Ref))
    if own:
        yield own if len(own) == len(value) and not any(one.is_part for one in own) else ()
    for one in value:
        if isinstance(one, Group):
            for item in one.items:
                yield from refs_in(item)


def handed_out(value: Value, time: int, by: Place, function: Function) -> Value:
    """What a function returns, as its caller gets it."""
    found: list[One] = []
    for one in value:
        if isinstance(one, Group):
            found.append(Group(tuple(handed_out(item, time, by, function) for item in one.items)))
        elif isinstance(one, Ref):
            is_own = one.home is not None and function.thing is not None and one.home[0] is function.thing
            first = is_own and one.by is None
            found.append(
                replace(
                    one,
                    since=time,
                    by=by if first else one.by,
                    giver=function.name if first else one.giver,
                )
            )
        else:
            found.append(one)
    return tuple(found)
