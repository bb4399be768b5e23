"""The lines of one function as they come, with what each learns of data, and of which part of them."""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from osler.static.computed_if import (
    ALWAYS,
    SOMETIMES,
    Replaced,
    are_parts,
    conditions,
    expanded,
    repeated,
    unless,
)
from osler.static.data_parts import Part, described, named, split_names
from osler.static.fitting import COLUMNS
from osler.static.learning import Knowledge, Learned, added, learned, note
from osler.static.part_events import Event, Within, bound
from osler.static.sources import dotted
from osler.static.walking import walk

DEEPEST = 3
"""Functions followed into each other."""

Find = Callable[[Within, ast.Call], Within | None]
"""What a call enters: a function of the user's."""


@dataclass(frozen=True, slots=True)
class _Line:
    """An expression in a statement, and under which conditions and how often its parts are computed."""

    statement: ast.stmt
    targets: tuple[str, ...]
    value: ast.expr
    chosen: Mapping[int, frozenset[str]]
    repeated: Mapping[int, frozenset[str]]


@dataclass(slots=True)
class Lines:
    """Follows the lines of a function.

    Attributes:
        within: the function.
        find: the function of the user's that a call enters.
        origins: parameters that the value of a name comes from.
        parts: names that stand for a part of the data, and what the parts of one split share.
        known: what else names stand for.
        unless: conditions around the current line.
        each: variables of the loops around it.
        control: parameters that decide whether it is reached.
        depth: functions around this one that are being followed; `DEEPEST` if none is to be entered.
        doubts: conditions under which names got their statistics, or objects were fitted.
        transformed: data that were transformed by what another part has taught.
        events: what was seen.
    """

    within: Within
    find: Find
    origins: dict[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    parts: dict[str, tuple[Part | None, str]] = field(default_factory=dict[str, tuple[Part | None, str]])
    known: Knowledge = field(default_factory=Knowledge)
    unless: frozenset[str] = ALWAYS
    each: frozenset[str] = frozenset()
    control: frozenset[str] = frozenset()
    depth: int = 0
    doubts: dict[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    transformed: set[str] = field(default_factory=set[str])
    events: list[Event] = field(default_factory=list[Event])

    def follow(self, body: Sequence[ast.stmt]) -> None:
        """Go through statements in their order."""
        for statement in body:
            match statement:
                case ast.Assign(targets=[target], value=value):
                    self._assign(statement, target, value)
                case ast.AnnAssign(target=target, value=ast.expr() as value):
                    self._assign(statement, target, value)
                case ast.AugAssign(target=target, op=op, value=value):
                    computed = ast.copy_location(ast.BinOp(target, op, value), statement)
                    self._assign(statement, target, computed)
                case ast.Expr(value=value) | ast.Return(value=ast.expr() as value):
                    self._line(statement, (), value)
                    self._grow(value)
                case ast.For(target=target, iter=over, body=inner):
                    self._loop(target, over, inner)
                case ast.If(test=test, body=one, orelse=other):
                    self._either(test, one, other)
                case ast.With(items=items, body=inner):
                    for item in items:
                        if item.optional_vars is not None:
                            self._spread(item.optional_vars, item.context_expr)
                    self.follow(inner)
                case ast.While(body=inner) | ast.Try(body=inner):
                    with self._within(SOMETIMES):
                        self.follow(inner)
                case _:
                    pass

    @contextmanager
    def _within(self, unless: frozenset[str], control: frozenset[str] = frozenset()) -> Generator[None]:
        before = self.unless, self.control
        self.unless, self.control = self.unless | unless, self.control | control
        yield
        self.unless, self.control = before

    def _assign(self, statement: ast.stmt, target: ast.expr, value: ast.expr) -> None:
        if (
            isinstance(target, ast.Tuple)
            and isinstance(value, ast.Tuple)
            and len(target.elts) == len(value.elts)
        ):
            pairs = list(zip(target.elts, value.elts, strict=True))
            for one, other in pairs:
                self._line(statement, _names(one), other, one)
            for one, other in pairs:
                self._name(one, other)
            return
        self._line(statement, _names(target), value, target)
        self._name(target, value)

    def _name(self, target: ast.expr, value: ast.expr) -> None:
        """What the target stands for from here on."""
        self._spread(target, value)
        name = dotted(target)
        if name:
            note(self.known, name, value)
            self.doubts[name] = self.unless
            part, rest = described(value, self.parts)
            self.parts.pop(name, None)
            if part is not None and named(name) is None:
                self.parts[name] = (part, rest)
        for each, part, shared in split_names(target, value):
            self.parts[each] = (part, shared)

    def _spread(self, target: ast.expr, value: ast.expr) -> None:
        origins = self.origins_of(value) | self.control
        for name in _names(target):
            is_entry = isinstance(target, ast.Subscript)
            self.origins[name] = origins | (self.origins.get(name, frozenset()) if is_entry else frozenset())

    def _grow(self, value: ast.expr) -> None:
        """`rows.append(row)`."""
        match value:
            case ast.Call(func=ast.Attribute(value=owner), args=args) if name := dotted(owner):
                more = frozenset[str]().union(*(self.origins_of(a) for a in args))
                self.origins[name] = self.origins.get(name, frozenset()) | more
            case _:
                pass

    def origins_of(self, node: ast.AST) -> frozenset[str]:
        """The parameters that an expression comes from."""
        found = frozenset[str]()
        for below in walk(node):
            if isinstance(below, ast.Name | ast.Attribute):
                found |= self.origins.get(dotted(below), frozenset())
        return found

    def _loop(self, target: ast.expr, over: ast.expr, body: Sequence[ast.stmt]) -> None:
        match target, over:
            case ast.Name(id=name), ast.Tuple(elts=elts) | ast.List(elts=elts) if are_parts(elts):
                for element in elts:
                    self.follow([Replaced(name, element).visit(copy.deepcopy(s)) for s in body])
                return
            case _:
                pass
        self._spread(target, over)
        inner = over.args[0] if isinstance(over, ast.Call) and dotted(over.func) == "enumerate" else over
        shown = target.elts[1] if inner is not over and isinstance(target, ast.Tuple) else target
        folds = list(split_names(shown, inner))
        for name, part, shared in folds:
            self.parts[name] = (part, shared)
        names = frozenset(n.id for n in walk(target) if isinstance(n, ast.Name))
        is_harmless = folds or COLUMNS.search(ast.unparse(over)) or COLUMNS.search(ast.unparse(target))
        before, self.each = self.each, self.each | (frozenset() if is_harmless else names)
        self.follow(body)
        self.each = before

    def _either(self, test: ast.expr, one: list[ast.stmt], other: list[ast.stmt]) -> None:
        control = self.origins_of(test)
        match test:
            case ast.Compare(left=ast.Name(id="__name__")):
                self.follow(one)
                return
            case ast.Compare(ops=[ast.NotIn()]) if any(_is_next_number(s) for s in one):
                self.follow(one)
                return
            case _:
                first, second = unless(test)
        with self._within(first, control):
            self.follow(one)
        with self._within(second, control):
            self.follow(other)
        for block, leaves in ((one, second), (other, first)):
            if block and isinstance(block[-1], ast.Return | ast.Continue):
                self.unless, self.control = self.unless | leaves, self.control | control

    def _line(
        self, statement: ast.stmt, targets: tuple[str, ...], value: ast.expr, target: ast.expr | None = None
    ) -> None:
        if pieces := expanded(value):
            for each in pieces:
                self._line(statement, targets, each)
            return
        line = _Line(statement, targets, value, conditions(value), repeated(value))
        for node in walk(value):
            if isinstance(node, ast.comprehension):
                self._spread(node.target, node.iter)
        before = dict(self.known.fits)
        for what in (*learned(self.known, targets, value), *added(self.known, target or value, value)):
            self._learn(line, what)
        self.doubts |= {n: self.unless for n, fit in self.known.fits.items() if before.get(n) is not fit}
        for call in walk(value):
            if isinstance(call, ast.Call):
                self._transform(call, before)
                self._call(line, call)

    def _learn(self, line: _Line, what: Learned) -> None:
        part, rest = described(what.data, self.parts)
        missing = self.unless | line.chosen.get(id(what.node), ALWAYS)
        for name in map(dotted, walk(line.value)):
            if name in self.known.numbers or name in self.known.fits:
                missing |= self.doubts.get(name, ALWAYS)
        inner = line.repeated.get(id(what.node), frozenset())
        is_each = what.kind != "codes" and self._is_each(what.data, inner)
        origins = self.origins_of(what.data)
        self.events.append(
            Event(self.within, line.statement, what.into, part, rest, missing, is_each, what, origins=origins)
        )

    def _is_each(self, data: ast.AST, inner: frozenset[str]) -> bool:
        """It is done for each of many pieces, in a loop."""
        names = {n.id for n in walk(data) if isinstance(n, ast.Name)}
        return bool(names & (self.each | inner))

    def _transform(self, call: ast.Call, before: Mapping[str, Learned]) -> None:
        """Data are transformed by what was not learned of them."""
        match call:
            case ast.Call(func=ast.Attribute(value=owner, attr="transform"), args=[data, *_]):
                if isinstance(owner, ast.Call) and ast.unparse(data) in map(ast.unparse, owner.args):
                    return
                fit = before.get(dotted(owner))
                if fit is None or ast.unparse(fit.data) != ast.unparse(data):
                    self.transformed.add(described(data, self.parts)[1])
            case _:
                pass

    def _call(self, line: _Line, call: ast.Call) -> None:
        entered = self.find(self.within, call)
        if entered is None or not isinstance(entered.node, ast.FunctionDef):
            return
        missing = self.unless | line.chosen.get(id(call), ALWAYS)
        is_each = self._is_each(call, line.repeated.get(id(call), frozenset()))
        here = dict(self.parts)
        self.events.append(
            Event(
                self.within, line.statement, line.targets, None, "", missing, is_each, None, call, parts=here
            )
        )
        if self.depth < DEEPEST:
            self._enter(entered, entered.node, call, missing)

    def _enter(self, entered: Within, node: ast.FunctionDef, call: ast.Call, missing: frozenset[str]) -> None:
        """Follow the function that is called with what comes from parameters of this one."""
        given = bound(node, call)
        if not any(map(self.origins_of, given.values())) and not dotted(call.func).startswith("self."):
            return
        inner = Lines(entered, self.find, depth=self.depth + 1, control=self.control)
        inner.origins = {n: o for n, o in self.origins.items() if n.startswith("self.")}
        inner.parts = {n: (None, n) for n in entered.parameters}
        inner.origins |= {n: self.origins_of(v) for n, v in given.items()}
        inner.follow(node.body)
        self.origins |= {n: o for n, o in inner.origins.items() if n.startswith("self.")}
        for event in inner.events:
            if event.what is not None:
                self.events.append(replace(event, unless=missing | self._passed(event.unless, given)))

    def _passed(self, missing: frozenset[str], given: Mapping[str, ast.expr]) -> frozenset[str]:
        """Which parameters of this function must not be given, so that some of the called one are not."""
        found = missing & SOMETIMES
        for name in missing & given.keys():
            match given[name]:
                case ast.Constant(value=None):
                    pass
                case ast.Name(id=passed) if passed in self.within.parameters:
                    found |= {passed}
                case _:
                    found |= SOMETIMES
        return found


def _names(target: ast.expr) -> tuple[str, ...]:
    elements = target.elts if isinstance(target, ast.Tuple | ast.List) else [target]
    bare = [e.value if isinstance(e, ast.Subscript | ast.Starred) else e for e in elements]
    bare = [b.value if isinstance(b, ast.Attribute) and b.attr in {"loc", "iloc"} else b for b in bare]
    return tuple(dotted(b) for b in bare)


def _is_next_number(statement: ast.stmt) -> bool:
    return bool(re.match(r"([\w.]+)\[.*\] = len\(\1\)", ast.unparse(statement)))
