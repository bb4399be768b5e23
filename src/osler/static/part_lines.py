"""The lines of one function as they come, with what each learns of data, and of which part of them."""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from osler.model import Place
from osler.static.data_parts import Part, described, named, split_names
from osler.static.fitting import COLUMNS
from osler.static.learning import Knowledge, Learned, added, learned, note
from osler.static.sources import Source, dotted
from osler.static.walking import walk

ALWAYS: frozenset[str] = frozenset()
SOMETIMES = frozenset({""})
"""Stands for a condition that is not followed."""

DEEPEST = 3
"""Functions followed into each other."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something is learned, or a function called.

    Attributes:
        what: what is learned; None for a call.
        call: the call; None where something is learned.
        part: of which part of the data.
        rest: what is left of the name of the data besides the part.
        origins: parameters of the function that the data come from.
        unless: parameters without which alone it happens.
        targets: names that get the outcome.
        statement: in which it happens.
        is_each: it happens for each of many pieces of the data.
        within: the function in which it happens.
        parts: names that stand for a part there.
    """

    what: Learned | None
    call: ast.Call | None
    part: Part | None
    rest: str
    origins: frozenset[str]
    unless: frozenset[str]
    targets: tuple[str, ...]
    statement: ast.stmt
    is_each: bool
    within: Within
    parts: Mapping[str, tuple[Part, str]]


@dataclass(frozen=True, slots=True)
class Within:
    """A function, or the lines of a file that are in none; what it is called where it is used."""

    source: Source
    node: ast.Module | ast.FunctionDef
    cls: ast.ClassDef | None = None

    @property
    def name(self) -> str:
        """The class if it makes an object, else the function."""
        if isinstance(self.node, ast.Module):
            return ""
        return self.cls.name if self.cls is not None and self.node.name == "__init__" else self.node.name

    @property
    def text(self) -> str:
        """Its source."""
        if isinstance(self.node, ast.Module):
            return self.source.text
        return "\n".join(self.source.lines[self.node.lineno - 1 : self.node.end_lineno])

    def place(self, node: ast.expr | ast.stmt) -> Place:
        """The line of a statement or expression."""
        function = "" if isinstance(self.node, ast.Module) else self.node.name
        return Place(self.source.file, node.lineno, function, span=self.source.span(node))


Find = Callable[[Within, ast.Call], Within | None]


@dataclass(slots=True)
class Lines:
    """Follows the lines of a function.

    Attributes:
        within: the function.
        find: the function of the user's that a call enters, if the call is to be followed.
        origins: parameters that the value of a name comes from.
        parts: names that stand for a part of the data, and what the parts of one split share.
        known: what else names stand for.
        unless: conditions around the current line.
        each: variables of the loops around it.
        control: parameters that decide whether it is reached.
        transformed: data that were transformed by what another part has taught.
        events: what was seen.
    """

    within: Within
    find: Find | None = None
    origins: dict[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    parts: dict[str, tuple[Part, str]] = field(default_factory=dict[str, tuple[Part, str]])
    known: Knowledge = field(default_factory=Knowledge)
    unless: frozenset[str] = ALWAYS
    each: frozenset[str] = frozenset()
    control: frozenset[str] = frozenset()
    depth: int = 0
    fitted: dict[str, Part | None] = field(default_factory=dict[str, Part | None])
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
    def _within(self, unless: frozenset[str], control: frozenset[str] = frozenset()) -> Iterator[None]:
        before = self.unless, self.control
        self.unless, self.control = self.unless | unless, self.control | control
        yield
        self.unless, self.control = before

    def _assign(self, statement: ast.stmt, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
            if len(target.elts) == len(value.elts):
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
            case ast.Name(id=name), ast.Tuple(elts=elts) | ast.List(elts=elts) if _are_parts(elts):
                for element in elts:
                    self.follow([_Replaced(name, element).visit(copy.deepcopy(s)) for s in body])
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
                first, second = _unless(test)
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
        if expanded := _expanded(value):
            for each in expanded:
                self._line(statement, targets, each)
            return
        chosen, repeated = _conditions(value), _repeated(value)
        for node in walk(value):
            if isinstance(node, ast.comprehension):
                self._spread(node.target, node.iter)
        before = dict(self.known.fits)
        for what in (*learned(self.known, targets, value), *added(self.known, target or value, value)):
            self._learn(statement, what, chosen, repeated)
        for call in walk(value):
            if isinstance(call, ast.Call):
                self._transform(call, before)
                self._call(statement, targets, call, chosen, repeated)

    def _learn(
        self,
        statement: ast.stmt,
        what: Learned,
        chosen: Mapping[int, frozenset[str]],
        repeated: Mapping[int, frozenset[str]],
    ) -> None:
        part, rest = described(what.data, self.parts)
        unless = self.unless | chosen.get(id(what.node), ALWAYS)
        is_each = what.kind != "codes" and self._is_each(what.data, repeated.get(id(what.node), frozenset()))
        origins = self.origins_of(what.data)
        self.events.append(
            Event(what, None, part, rest, origins, unless, what.into, statement, is_each, self.within, dict(self.parts))
        )

    def _is_each(self, data: ast.AST, inner: frozenset[str]) -> bool:
        """It is done for each of many pieces, in a loop."""
        names = {n.id for n in walk(data) if isinstance(n, ast.Name)}
        return bool(names & (self.each | inner))

    def _transform(self, call: ast.Call, before: Mapping[str, Learned]) -> None:
        """Data are transformed by what was not learned of them."""
        match call:
            case ast.Call(func=ast.Attribute(value=owner, attr="transform"), args=[data, *_]):
                fit = before.get(dotted(owner))
                if fit is None or ast.unparse(fit.data) != ast.unparse(data):
                    self.transformed.add(described(data, self.parts)[1])
            case _:
                pass

    def _call(
        self,
        statement: ast.stmt,
        targets: tuple[str, ...],
        call: ast.Call,
        chosen: Mapping[int, frozenset[str]],
        repeated: Mapping[int, frozenset[str]],
    ) -> None:
        unless = self.unless | chosen.get(id(call), ALWAYS)
        is_each = self._is_each(call, repeated.get(id(call), frozenset()))
        values = [*call.args, *(k.value for k in call.keywords)]
        part, rest = described(call, self.parts)
        self.events.append(
            Event(None, call, part, rest, ALWAYS, unless, targets, statement, is_each, self.within, dict(self.parts))
        )
        entered = self.find(self.within, call) if self.find is not None and self.depth < DEEPEST else None
        if entered is None or not isinstance(entered.node, ast.FunctionDef):
            return
        if not any(map(self.origins_of, values)) and not dotted(call.func).startswith("self."):
            return
        inner = Lines(entered, self.find, depth=self.depth + 1, unless=unless, control=self.control)
        inner.origins = {n: o for n, o in self.origins.items() if n.startswith("self.")}
        inner.origins |= {n: self.origins_of(v) for n, v in bound(entered.node, call).items()}
        inner.follow(entered.node.body)
        self.origins |= {n: o for n, o in inner.origins.items() if n.startswith("self.")}
        self.events += [e for e in inner.events if e.what is not None]


class _Replaced(ast.NodeTransformer):
    """The variable of a loop becomes what it stands for."""

    def __init__(self, name: str, element: ast.expr) -> None:
        self.name, self.element = name, element

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return ast.copy_location(copy.deepcopy(self.element), node) if node.id == self.name else node


def bound(node: ast.FunctionDef, call: ast.Call) -> dict[str, ast.expr]:
    """What the parameters of a function get from a call; an object's own is left out."""
    names = [a.arg for a in (*node.args.posonlyargs, *node.args.args)]
    names = names[1:] if names[:1] == ["self"] or names[:1] == ["cls"] else names
    given = dict(zip(names, call.args, strict=False))
    return given | {k.arg: k.value for k in call.keywords if k.arg is not None}


def _names(target: ast.expr) -> tuple[str, ...]:
    elements = target.elts if isinstance(target, ast.Tuple | ast.List) else [target]
    bare = [e.value if isinstance(e, ast.Subscript | ast.Starred) else e for e in elements]
    bare = [b.value if isinstance(b, ast.Attribute) and b.attr in {"loc", "iloc"} else b for b in bare]
    return tuple(dotted(b) for b in bare)


def _are_parts(elements: Sequence[ast.expr]) -> bool:
    """Names or texts, of which some are called after parts of the data."""
    return {Part.TRAIN, Part.HELD_OUT} <= {described(e, {})[0] for e in elements}


def _is_next_number(statement: ast.stmt) -> bool:
    return bool(re.match(r"([\w.]+)\[.*\] = len\(\1\)", ast.unparse(statement)))


def _unless(test: ast.expr) -> tuple[frozenset[str], frozenset[str]]:
    """Parameters that are not given if a condition holds, and if it does not."""
    match test:
        case ast.Compare(left=ast.Name(id=name), ops=[ast.Is()], comparators=[ast.Constant(value=None)]):
            return frozenset({name}), SOMETIMES
        case ast.UnaryOp(op=ast.Not(), operand=ast.Name(id=name)):
            return frozenset({name}), SOMETIMES
        case ast.Compare(left=ast.Name(id=name), ops=[ast.IsNot()], comparators=[ast.Constant(value=None)]):
            return SOMETIMES, frozenset({name})
        case ast.Name(id=name):
            return SOMETIMES, frozenset({name})
        case _:
            return SOMETIMES, SOMETIMES


def _conditions(value: ast.expr) -> dict[int, frozenset[str]]:
    """Parts of an expression that are computed under a condition alone."""
    found: dict[int, frozenset[str]] = {}
    for node in walk(value):
        match node:
            case ast.IfExp(test=test, body=one, orelse=other):
                pairs = list(zip((one, other), _unless(test), strict=True))
            case ast.BoolOp(op=ast.Or(), values=[ast.Name(id=name), *others]):
                pairs = [(other, frozenset({name})) for other in others]
            case ast.BoolOp(values=[_, *others]):
                pairs = [(other, SOMETIMES) for other in others]
            case ast.Lambda(body=body):
                pairs = [(body, SOMETIMES)]
            case _:
                continue
        for part, unless in pairs:
            for below in walk(part):
                found[id(below)] = found.get(id(below), ALWAYS) | unless
    return found


def _expanded(value: ast.expr) -> list[ast.expr]:
    """`{part: load(part) for part in ("train", "test")}`, part by part."""
    match value:
        case ast.DictComp(value=body, generators=[made]) | ast.ListComp(elt=body, generators=[made]) | (
            ast.GeneratorExp(elt=body, generators=[made])
        ):
            match made:
                case ast.comprehension(
                    target=ast.Name(id=name), iter=ast.Tuple(elts=elts) | ast.List(elts=elts)
                ) if _are_parts(elts):
                    return [_Replaced(name, e).visit(copy.deepcopy(body)) for e in elts]
                case _:
                    return []
        case _:
            return []


def _repeated(value: ast.expr) -> dict[int, frozenset[str]]:
    """Variables of the comprehensions around each part of an expression."""
    found: dict[int, frozenset[str]] = {}
    for node in walk(value):
        if isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp):
            stored = (n for g in node.generators for n in walk(g.target))
            names = frozenset(n.id for n in stored if isinstance(n, ast.Name))
            for below in walk(node):
                found[id(below)] = found.get(id(below), frozenset()) | names
    return found


