"""What the source does: actions in trees, and single calls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from osler.model.event import Kind
from osler.model.finding import Place
from osler.model.values import Network, Value


@dataclass(slots=True, eq=False)
class Action:
    """Something the source does; equal in meaning to an `Event` of a run.

    Attributes:
        kind: what is done.
        place: the line.
        subject: the module, optimizer, loader or helper concerned, None if unknown.
        value: what goes in: the input of a loss, the root of a backward.
        recording: gradient recording is on, off, or None where the caller decides.
        words: what else is true of it: ``train``, ``eval``, ``closure``, ``retain_graph``, ``managed`` …
        callers: lines of the calls that lead here, innermost first.
        target: what a loss compares the value with.
    """

    kind: Kind
    place: Place
    subject: Value | None = None
    value: Value | None = None
    recording: bool | None = True
    words: frozenset[str] = frozenset()
    callers: tuple[Place, ...] = ()
    target: Value | None = None

    @property
    def site(self) -> tuple[Place, ...]:
        """The line and the lines of the calls that lead to it."""
        return (self.place, *self.callers[:2])


@dataclass(slots=True, eq=False)
class Branch:
    """Alternatives; the first is taken when the condition holds.

    Attributes:
        key: equal for conditions that certainly have the same value; empty if that is not known.
        ways: one tree each.
    """

    key: str
    ways: list[list[Node]]


@dataclass(slots=True, eq=False)
class Loop:
    """A body that repeats.

    Attributes:
        over: what is iterated, None for `while`.
        body: one turn.
        place: the line of its head.
        once: unrolled; the body is one turn of many.
        framework: the framework repeats it.
        number: marks conditions whose value changes from turn to turn.
    """

    over: Value | None
    body: list[Node]
    place: Place
    once: bool = False
    framework: bool = False
    number: int = 0


@dataclass(slots=True, eq=False)
class Call:
    """A call of the user's own function, with what it does."""

    function: str
    place: Place
    body: list[Node]


@dataclass(slots=True, eq=False)
class Exit:
    """``return``, ``raise``, ``break`` or ``continue``."""

    kind: str


Node = Action | Branch | Loop | Call | Exit


@dataclass(slots=True, eq=False)
class Trace:
    """One way into the program.

    Attributes:
        nodes: what is done, as a tree.
        entry: the function, or empty for a module's own lines.
        place: where it begins.
        is_open: callers are not known, so that mode and recording may be set by them.
    """

    nodes: list[Node]
    entry: str
    place: Place
    is_open: bool = False


@dataclass(slots=True, eq=False)
class CallFact:
    """A call of a function from outside, or of a method of a tensor.

    Attributes:
        name: full name, ``Tensor.view`` for methods of tensors.
        place: the line.
        arguments: by position (``0``) or name; a tensor's method has it at 0.
        guards: source of the conditions it stands under, in its own function and in the
            methods of modules that call it.
        spread: arguments are unpacked with ``*`` or ``**``, so that others may be given.
        target: what the source assigns the result to.
        recording: gradient recording is on, off, or None where the caller decides.
        network: the module in whose method it stands.
        loops: what the loops around it iterate, innermost last, in its own function.
        result: what it returns, as far as it was followed; None for methods that compute nothing.
    """

    name: str
    place: Place
    arguments: Mapping[object, Value]
    guards: tuple[str, ...] = ()
    spread: bool = False
    target: str = ""
    recording: bool | None = True
    network: Network | None = None
    loops: tuple[Value | None, ...] = ()
    result: Value | None = None

    @property
    def last(self) -> str:
        """The part of the name after the last dot."""
        return self.name.rpartition(".")[2]

    def argument(self, position: int, name: str) -> Value | None:
        """An argument given by position or name; None if it is left out."""
        return self.arguments.get(name, self.arguments.get(position))

    def given(self, position: int, name: str) -> bool:
        """It is given, or may be."""
        return self.spread or self.argument(position, name) is not None


def flat(nodes: Sequence[Node]) -> Iterator[Action]:
    """Every action of a tree, in the order of the source."""
    for node in nodes:
        match node:
            case Action():
                yield node
            case Branch():
                for way in node.ways:
                    yield from flat(way)
            case Loop() | Call():
                yield from flat(node.body)
            case Exit():
                pass
