"""Where the reader of memory is, what it has found so far, and the rules by which something is wrong."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from osler.model import Place
from osler.static.machine import Modules
from osler.static.memory.blocks import (
    NOTHING,
    Block,
    Class,
    Function,
    Group,
    Ref,
    Scope,
    Thing,
    Value,
    is_list,
    refs_in,
)
from osler.static.memory.state import Kept, State, Write, joined
from osler.static.sources import Source, dotted
from osler.static.walking import walk

CELLS_PER_NODE = 50
"""Names whose copy costs as much as a look at one node."""

YIELDS = ast.Yield | ast.YieldFrom
LATER = YIELDS | ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef


class Exhausted(Exception):
    """More nodes than were allowed: nothing more is followed."""


@dataclass(slots=True)
class Frame:
    """One call in progress.

    Attributes:
        scope: its names.
        function: what is called; None for the lines of a module.
        cls: the class whose body this is.
        returned: what it may return, with the state then.
        left: states at each `break` and `continue` of the loops around, innermost last.
        passed: counters of the loops around that have had their first turn.
    """

    scope: Scope
    function: Function | None = None
    cls: Class | None = None
    returned: list[tuple[Value, State]] = field(default_factory=list[tuple[Value, State]])
    left: list[list[tuple[bool, State]]] = field(default_factory=list[list[tuple[bool, State]]])
    passed: set[str] = field(default_factory=set[str])

    @property
    def name(self) -> str:
        """The function's own name, empty for a module."""
        return self.function.name.rpartition(".")[2] if self.function is not None else ""


@dataclass(frozen=True, slots=True)
class Overwritten:
    """Something that is kept while the memory it lies in is changed in place.

    Attributes:
        ref: what is kept.
        name: how the source calls it where it is put into a list; or where it is used.
        write: the change.
        place: where it is put into a list, or used too late.
        holder: the list, None if it is used beside what has come since.
        later: the name of what has come since.
        other: what has come since.
    """

    ref: Ref
    name: str
    write: Write
    place: Place
    holder: Block | None = None
    later: str = ""
    other: Ref | None = None


@dataclass(slots=True)
class Given:
    """Arguments of a call.

    Attributes:
        values: by position.
        named: by name.
        nodes: every argument as it is written, with its value.
    """

    values: list[Value] = field(default_factory=list[Value])
    named: dict[str, Value] = field(default_factory=dict[str, Value])
    nodes: list[tuple[ast.expr, Value]] = field(default_factory=list[tuple[ast.expr, Value]])

    @property
    def first(self) -> Value:
        """The first by position."""
        return self.values[0] if self.values else NOTHING

    @property
    def all(self) -> Value:
        """Everything in one."""
        return (Group((*self.values, *self.named.values())),)


@dataclass(frozen=True, slots=True)
class Traits:
    """What is true of a function whoever calls it.

    Attributes:
        is_lazy: it is a generator, or waits: its lines run later.
        has_closure: functions inside it may use its names later.
    """

    is_lazy: bool
    has_closure: bool


@dataclass(slots=True)
class Scene:
    """Everything that the functions of this package share.

    Attributes:
        evaluate: what an expression may stand for.
        perform: follows statements; whether the line behind them is reached.
        invoke: what a call of the user's function returns.
        modules: finds files of the linted tree.
        budget: nodes that may still be looked at.
        room: characters of source whose trees may still be held.
        clock: counts what happens.
        state: of all memory, here.
        frames: calls in progress, innermost last.
        imported: the scopes of files.
        entered: functions that were followed.
        functions: every function of the user's that was met.
        weights: of all networks: an optimizer changes them.
        found: what is wrong.
        known: what was asked of functions before.
    """

    evaluate: Callable[[Scene, ast.expr], Value]
    perform: Callable[[Scene, Sequence[ast.stmt]], bool]
    invoke: Callable[[Scene, Function, Given], Value]
    modules: Modules
    budget: int
    room: int
    clock: int = 0
    state: State = field(default_factory=State)
    frames: list[Frame] = field(default_factory=list[Frame])
    imported: dict[str, Scope] = field(default_factory=dict[str, Scope])
    entered: set[ast.AST] = field(default_factory=set[ast.AST])
    functions: list[Function] = field(default_factory=list[Function])
    weights: list[Block] = field(default_factory=list[Block])
    found: list[Overwritten] = field(default_factory=list[Overwritten])
    known: dict[ast.AST, Traits] = field(default_factory=dict[ast.AST, Traits])

    @property
    def frame(self) -> Frame:
        """The innermost call."""
        return self.frames[-1]

    @property
    def source(self) -> Source:
        """The file being read."""
        return self.frame.scope.source

    def traits(self, node: ast.AST) -> Traits:
        """What is true of a function."""
        if node not in self.known:
            inner = [n for n in walk(node) if isinstance(n, LATER) and n is not node]
            lazy = isinstance(node, ast.AsyncFunctionDef) or any(isinstance(n, YIELDS) for n in inner)
            self.known[node] = Traits(lazy, any(not isinstance(n, YIELDS) for n in inner))
        return self.known[node]

    def spend(self) -> None:
        """Count one node."""
        self.budget -= 1
        if self.budget < 0:
            raise Exhausted

    def hold(self, source: Source) -> None:
        """Count a file, whose functions stay with this scene."""
        self.room -= len(source.text)
        if self.room < 0:
            raise Exhausted

    def tick(self) -> int:
        """The time of something that happens now."""
        self.clock += 1
        return self.clock

    def place(self, node: ast.expr | ast.stmt) -> Place:
        """The line of a node."""
        source = self.source
        return Place(source.file, node.lineno, self.frame.name, span=source.span(node))

    def fresh(self, kind: str = "other", dtype: str = "") -> Value:
        """Memory of its own."""
        return (Ref(Block(kind, dtype=dtype), self.tick()),)

    def look_up(self, name: str) -> Value | None:
        """What a name stands for, here or in a scope around."""
        scope: Scope | None = self.frame.scope
        while scope is not None:
            if (scope, name) in self.state.cells:
                return self.state.cells[scope, name]
            scope = scope.parent
        return None

    def assign(self, name: str, value: Value) -> None:
        """Give a name another value."""
        scope = self.frame.scope
        while name in scope.outward and scope.parent is not None:
            scope = scope.parent
        self.give(scope, name, value)

    def give(self, owner: object, name: str, value: Value) -> None:
        """Give a name of a scope, or an attribute of an object, another value."""
        spelled = f"self.{name}" if isinstance(owner, Thing) else name
        for one in value:
            if isinstance(one, Ref) and not one.block.name:
                one.block.name = spelled
        self.state.cells[owner, name] = value

    def change(self, value: Value, node: ast.expr | ast.stmt) -> None:
        """Memory is changed in place."""
        for one in value:
            if isinstance(one, Ref):
                self.state.written[one.block] = Write(self.tick(), self.place(node))

    def renew(self, node: ast.expr) -> None:
        """Whoever has changed memory through this expression knows what it holds now."""
        match node:
            case ast.Name(id=name):
                value = self.look_up(name)
                if value is not None:
                    now = self.tick()
                    self.assign(
                        name, tuple(replace(r, since=now) if isinstance(r, Ref) else r for r in value)
                    )
            case ast.Subscript(value=inner) | ast.Attribute(value=inner):
                self.renew(inner)
            case _:
                pass

    def refs(self, value: Value, depth: int = 2) -> Iterator[tuple[Ref, ...]]:
        """The memory in each place of a value, also in lists that no name stands for."""
        yield from refs_in(value)
        for one in value if depth else ():
            parts = one.items if isinstance(one, Group) else ()
            if isinstance(one, Ref) and one.block.kind == "list" and not one.block.name:
                for entry in self.state.entries.get(one.block, ()):
                    yield from self.refs(entry.value, depth - 1)
            for part in parts:
                if is_list(part):
                    yield from self.refs(part, depth - 1)

    def use(self, node: ast.expr, value: Value, beside: Value = NOTHING) -> None:
        """Something is computed or learned from a value: is it still what its name says?"""
        for refs in self.refs(value):
            if refs and all(r.by is not None and self.state.is_stale(r) for r in refs):
                for ref in refs:
                    self._compare(node, ref, beside)

    def _compare(self, node: ast.expr, ref: Ref, beside: Value) -> None:
        """The same memory has been handed out again since it was changed."""
        own = name_of(node, self, ref)
        scope = self.frame.scope
        names = [(n, v) for (o, n), v in self.state.cells.items() if o is scope and n != own and n[0] != "_"]
        for name, value in (*names, ("", beside)):
            for other in (r for refs in self.refs(value) for r in refs):
                if other.block is ref.block and other.by and not self.state.is_stale(other):
                    write = self.state.written[ref.block]
                    self.found.append(Overwritten(ref, own, write, self.place(node), None, name, other))
                    return

    def keep(self, holder: Block, value: Value, node: ast.expr | ast.stmt) -> None:
        """Something is put into a list."""
        before, place = self.state.entries.get(holder, ()), self.place(node)
        if holder.longest:
            before = before[max(0, len(before) - holder.longest + 1) :]
        for old in before:
            for refs in self.refs(old.value):
                self._compare_entries(holder, refs, old.time, value, place)
        self.state.entries[holder] = (*before, Kept(value, self.tick(), place))

    def _compare_entries(
        self, holder: Block, old: tuple[Ref, ...], since: int, value: Value, place: Place
    ) -> None:
        """The same memory lies in the list already, and was changed since."""
        writes = [self.state.written.get(r.block) for r in old]
        if not old or any(w is None or w.time < since for w in writes):
            return
        blocks = {r.block for r in old}
        for refs in self.refs(value):
            write = self.state.written.get(refs[0].block) if refs else None
            if write is not None and all(r.block in blocks for r in refs):
                self.found.append(Overwritten(refs[0], refs[0].block.name, write, place, holder))

    def apart(self, ways: Iterable[Callable[[], bool]]) -> bool:
        """Follow every way from the same state and join what they leave; whether one reaches the end."""
        before, ends = self.state, list[State]()
        self.budget -= len(before.cells) // CELLS_PER_NODE
        for way in ways:
            self.state = before.copy()
            if way():
                ends.append(self.state)
        self.state = joined(ends) if ends else before
        return bool(ends)


def name_of(node: ast.expr, scene: Scene, ref: Ref) -> str:
    """How the source calls a piece of memory in an expression."""
    for part in walk(node):
        if isinstance(part, ast.Name | ast.Attribute) and isinstance(part.ctx, ast.Load):
            value = scene.look_up(part.id) if isinstance(part, ast.Name) else None
            if value and any(r.block is ref.block for refs in refs_in(value) for r in refs):
                return dotted(part)
    return dotted(node) or ref.block.name
