"""The state of the reader: where it is, what names stand for, and what it has seen so far."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from osler.model import Action, Birth, Branch, CallFact, Code, Const, Kind, Node, Place, Unknown, Value
from osler.static.join import Joiner
from osler.static.sources import Source
from osler.static.values import Arguments, Class, Function, Key, Once, Scope

BUDGET = 60_000
"""Nodes looked at for one way into the program; beyond, nothing more is followed."""

DEEPEST = 24
"""Calls followed into each other."""


PLACE = "osler place"
"""Under this name a node keeps its line, for as long as its tree is kept."""


class Missing:
    """Stands for a name that had no value."""


MISSING = Missing()

Names = dict[Any, Value]
"""Names of a scope, attributes of an object, or items of a dict under their constant keys."""

Written = tuple[Names, object, Value | Missing]

Changes = dict[tuple[int, object], tuple[Names, Value]]
"""What one way has written: where, under which name, and the value at its end."""


@dataclass(slots=True)
class Frame:
    """One call in progress.

    Attributes:
        function: its name, empty for a module's own lines.
        source: the file.
        scope: its names.
        callers: lines of the calls that lead here, innermost first.
        returned: values it may return.
        owner: the object of a method call.
        cls: the class in which the method is defined.
        guards: conditions around the current line.
        assumed: conditions that hold because the other way has left: ``if not training: return``.
        at_yield: what to do where the function yields, if it is a context manager.
        yields: values it hands out if it is a generator.
        key: of its definition.
        decided: conditions around the current line that may be worth something else in a later turn.
    """

    function: str
    source: Source
    scope: Scope
    callers: tuple[Place, ...] = ()
    returned: list[Value] = field(default_factory=list[Value])
    owner: Value | None = None
    cls: Class | None = None
    guards: list[str] = field(default_factory=list[str])
    assumed: list[str] = field(default_factory=list[str])
    loops: list[Value | None] = field(default_factory=list[Value | None])
    at_yield: Callable[[Value], None] | None = None
    yields: list[Value] = field(default_factory=list[Value])
    key: Key | None = None
    decided: int = 0


class Modules(Protocol):
    """Finds modules of the linted tree."""

    def find(self, source: Source, name: str, level: int) -> Source | None:
        """The file of a module as imported from another file; None if it lies outside."""
        ...

    def imported(self, source: Source) -> Iterator[Source]:
        """Files of the tree that a file imports."""
        ...


@dataclass(slots=True)
class Machine:
    """Everything that the reader's functions share.

    Attributes:
        evaluate: the value of an expression.
        execute: runs statements; whether the line behind them is reached.
        invoke: the value of a call.
        run: follows a function of the user's, with the object it is called on.
        modules: finds modules of the linted tree.
        is_half: modules compute in float16 here.
        turning: numbers of the loops around the current line, in all functions.
        turn_marks: where in the journal the current turns of those loops began.
        named: how many values have got a name.
        overwritten: values that an activation has changed in place, and where.
        lent: calls in progress that unknown code may make, or not.
        once: values that draw from iterators, and these.
        discarded: the latest expression whose value nobody takes.
    """

    evaluate: Callable[[Machine, ast.expr], Value]
    execute: Callable[[Machine, Sequence[ast.stmt]], bool]
    invoke: Callable[[Machine, Value, Arguments, ast.expr], Value]
    run: Callable[[Machine, Function, Arguments, ast.expr, Value | None], Value]
    modules: Modules
    code: Code = field(default_factory=Code)
    block: list[Node] = field(default_factory=list[Node])
    frames: list[Frame] = field(default_factory=list[Frame])
    journal: list[Written] = field(default_factory=list[Written])
    joiner: Joiner = field(default_factory=Joiner)
    recording: bool | None = True
    is_half: bool = False
    budget: int = BUDGET
    in_forward: int = 0
    entered: set[Key] = field(default_factory=set[Key])
    imported: dict[str, Scope] = field(default_factory=dict[str, Scope])
    given_up: Counter[str] = field(default_factory=Counter[str])
    facts: dict[tuple[str, int, int, str], list[CallFact]] = field(
        default_factory=dict[tuple[str, int, int, str], list[CallFact]]
    )
    forwards: dict[tuple[object, ...], Value] = field(default_factory=dict[tuple[object, ...], Value])
    functions: list[Function] = field(default_factory=list[Function])
    classes: list[Class] = field(default_factory=list[Class])
    turning: list[int] = field(default_factory=list[int])
    turned: int = 0
    turn_marks: list[int] = field(default_factory=list[int])
    named: int = 0
    overwritten: dict[int, tuple[Value, ast.expr]] = field(default_factory=dict[int, tuple[Value, ast.expr]])
    once: dict[int, tuple[Value, tuple[Once, ...]]] = field(
        default_factory=dict[int, tuple[Value, tuple[Once, ...]]]
    )
    lent: int = 0
    discarded: ast.expr | None = None
    target: str = ""
    pending: Callable[[Value], None] | None = None

    @property
    def frame(self) -> Frame:
        """The innermost call."""
        return self.frames[-1]

    @property
    def source(self) -> Source:
        """The file being read."""
        return self.frame.source

    def place(self, node: ast.AST) -> Place:
        """The line of a node."""
        frame = self.frames[-1]
        noted = vars(node)
        known: Place | None = noted.get(PLACE)
        if known is not None and known.function == frame.function:
            return known
        source = frame.source
        place = Place(source.file, getattr(node, "lineno", 0), frame.function, span=source.span(node))
        noted[PLACE] = place
        return place

    def emit(
        self,
        kind: Kind,
        node: ast.AST,
        subject: Value | None = None,
        value: Value | None = None,
        *words: str,
        target: Value | None = None,
    ) -> Action:
        """Note that something is done."""
        action = Action(
            kind,
            self.place(node),
            subject,
            value,
            self.recording,
            frozenset(words),
            self.frame.callers,
            target,
        )
        self.block.append(action)
        return action

    def write(self, names: Names, name: object, value: Value) -> None:
        """Give a name, attribute or item a value, in a way that can be taken back."""
        self.journal.append((names, name, names.get(name, MISSING)))
        names[name] = value

    def assign(self, name: str, value: Value) -> None:
        """Give a name of the current scope a value."""
        if isinstance(value, Const) and value.value is not None and name in self.frame.scope.outward:
            value = Unknown(name)  # it may have been given another one since
        self.born(value)
        self.write(self.frame.scope.holder(name).names, name, value)

    def born(self, value: Value) -> Birth:
        """In which loops a value got its first name; here, if it has none yet."""
        birth = value.birth
        if birth is None:
            self.named += 1
            birth = (self.named, tuple(self.turning))
            value.name_first(birth)
        return birth

    def spend(self) -> bool:
        """Count one node; whether the budget allows more."""
        self.budget -= 1
        return self.budget > 0

    def give_up(self, reason: str) -> None:
        """Count something that was not followed."""
        self.given_up[reason] += 1

    @contextmanager
    def collecting(self) -> Generator[list[Node]]:
        """What is done meanwhile goes to a tree of its own."""
        outer, self.block = self.block, []
        try:
            yield self.block
        finally:
            self.block = outer

    @contextmanager
    def assuming(self) -> Generator[None]:
        """What is found to hold meanwhile says nothing about what comes behind."""
        frame, known = self.frame, len(self.frame.assumed)
        try:
            yield
        finally:
            del frame.assumed[known:]

    @contextmanager
    def recorded(self, recording: bool | None) -> Generator[None]:
        """Gradient recording is switched meanwhile."""
        before, self.recording = self.recording, recording
        try:
            yield
        finally:
            self.recording = before

    @contextmanager
    def lowered(self, is_half: bool) -> Generator[None]:
        """Modules compute in float16 meanwhile, or as they do without being told."""
        before, self.is_half = self.is_half, is_half
        try:
            yield
        finally:
            self.is_half = before

    @contextmanager
    def inner_scope(self) -> Generator[None]:
        """Names that are given meanwhile are forgotten behind it."""
        frame = self.frame
        outer, frame.scope = frame.scope, Scope({}, frame.scope)
        try:
            yield
        finally:
            frame.scope = outer

    def fork(self, key: str, ways: Sequence[Callable[[], bool]], guards: Sequence[str] = ()) -> bool:
        """Take every way from the same state and join what they leave; whether one reaches the end."""
        trees: list[list[Node]] = []
        before, recordings = self.recording, set[bool | None]()
        ends: list[tuple[bool, Changes]] = []
        for number, way in enumerate(ways):
            mark = len(self.journal)
            guard = guards[number] if number < len(guards) else ""
            self.frame.guards.append(guard)
            with self.collecting() as tree, self.assuming():
                alive = way()
            self.frame.guards.pop()
            trees.append(tree)
            recordings |= {self.recording} if alive else set()
            self.recording = before
            ends.append((alive, self._undo(mark)))
        if any(trees):
            self.block.append(Branch(key, trees))
        if recordings:
            self.recording = recordings.pop() if len(recordings) == 1 else None
        self._join(ends)
        self._assume(guards, [alive for alive, _ in ends])
        return any(alive for alive, _ in ends)

    def _assume(self, guards: Sequence[str], reached: Sequence[bool]) -> None:
        """Where one way alone goes on, its condition holds from here."""
        onward = [guard for guard, alive in zip(guards, reached, strict=False) if alive]
        if len(onward) == 1 and len(reached) > 1:
            self.frame.assumed.append(onward[0])

    def _undo(self, mark: int) -> Changes:
        """Take back what was written since; what it was."""
        written: Changes = {}
        for names, name, _ in self.journal[mark:]:
            written[(id(names), name)] = (names, names[name])
        for names, name, before in reversed(self.journal[mark:]):
            if isinstance(before, Missing):
                names.pop(name, None)
            else:
                names[name] = before
        del self.journal[mark:]
        return written

    def doubt(self, mark: int) -> None:
        """What was written since may as well not have been: an exception came before it."""
        first: dict[tuple[int, object], tuple[Names, Value | Missing]] = {}
        for names, name, before in self.journal[mark:]:
            first.setdefault((id(names), name), (names, before))
        for (_, name), (names, before) in first.items():
            if not isinstance(before, Missing) and names[name] is not before:
                self.write(names, name, self.joiner.join(before, names[name]))

    def _join(self, ends: list[tuple[bool, Changes]]) -> None:
        keys = {key: names for _, written in ends for key, (names, _) in written.items()}
        for key, names in keys.items():
            living = [w[key][1] if key in w else names.get(key[1]) for alive, w in ends if alive]
            dead = [w[key][1] for alive, w in ends if not alive and key in w]
            values = [v for v in living if v is not None] or dead
            if not values:
                continue
            joined = values[0]
            for value in values[1:]:
                joined = self.joiner.join(joined, value)
            self.write(names, key[1], joined)
