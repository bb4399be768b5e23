"""Follow a function that reads a sample: the random flips, rotations and crops that its parts go through."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import reduce

from osler.model import CallFact, Const, Series, Value
from osler.static.motions import (
    NOTHING,
    STEERS,
    Following,
    Seen,
    entry,
    holds,
    is_draw,
    merged,
    united,
    value_of,
)
from osler.static.random_transforms import drawing_place
from osler.static.sources import dotted
from osler.static.values import Bound, Function, Instance, UserNetwork
from osler.static.walking import walk

GEOMETRIC = frozenset(
    "flip fliplr flipud rot90 roll transpose swapaxes hflip vflip horizontal_flip vertical_flip rotate "
    "affine crop resized_crop perspective elastic elastic_transform mirror warpAffine grid_sample".split()
)
"""Last names of functions and methods that move what is in a picture or a sequence."""

SIZES = frozenset("shape size width height ndim dim dtype device len get_dimensions get_image_size".split())
"""What is a number, or several, that no pixel decides."""

SUMS = frozenset(
    "sum mean std var max min amax amin any all argmax argmin median unique bincount histc count_nonzero "
    "norm nonzero numel".split()
)
"""What has no positions any more."""

PATHS = frozenset("join joinpath replace with_suffix with_name with_stem format sub".split())
"""Functions that make the name of one file from that of another."""

PLAIN = frozenset({"staticmethod", "classmethod", "no_grad", "inference_mode"})
"""Decorators under which each call runs the function anew."""

DEEPEST = 4
"""Functions that are followed into each other."""

MOST_TURNS = 8
"""Entries of a list of transforms that are followed."""


def returned(function: Function, owner: Instance, made: Mapping[int, CallFact]) -> list[Seen]:
    """What a method that gets an index returns; nothing where two draws may be the same."""
    node = function.node
    if isinstance(node, ast.Lambda) or len(node.args.args) != 2:
        return []
    state = Following(function.source, function.name, owner, function.scope.find, made)
    state.places = frozenset({node.args.args[1].arg})
    run(state, node.body)
    return state.found if state.is_sure and len(state.tally.keepers) <= 1 else []


def run(state: Following, body: Sequence[ast.stmt]) -> bool:
    """Follow statements in order; whether they end the function."""
    for statement in body:
        ends = False
        match statement:
            case ast.Return(value=value):
                state.found.append(see(state, value) if value is not None else NOTHING)
                ends = True
            case ast.Raise():
                ends = True
            case ast.If():
                ends = _choose(state, statement)
            case ast.With(items=contexts, body=inner):
                for context in contexts:
                    known = see(state, context.context_expr)
                    if context.optional_vars is not None:
                        _bind(state, context.optional_vars, known, context.context_expr)
                ends = run(state, inner)
            case ast.For() | ast.While() | ast.Try() | ast.AsyncFor() | ast.AsyncWith() | ast.Match():
                _repeat(state, statement)
            case _:
                _assign(state, statement)
        if ends:
            return True
    return False


def _assign(state: Following, statement: ast.stmt) -> None:
    match statement:
        case ast.Assign(targets=targets, value=value):
            known = see(state, value)
            for target in targets:
                _bind(state, target, known, value)
        case ast.AnnAssign(target=target, value=ast.expr() as value):
            _bind(state, target, see(state, value), value)
        case ast.AugAssign(target=ast.Name(id=name) as target, value=value):
            _bind(state, target, united(state.names.get(name, NOTHING), see(state, value)), value)
        case ast.AugAssign(target=target, value=value):
            _bind(state, target, see(state, value), value)
        case ast.Expr(value=value):
            see(state, value)
        case _:
            pass


def _bind(state: Following, target: ast.expr, known: Seen, value: ast.expr) -> None:
    match target:
        case ast.Name(id=name):
            is_place = bool(_index(state, value)) and not known.motions
            state.places = state.places | {name} if is_place else state.places - {name}
            state.values.pop(name, None)
            state.names[name] = known
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            for at, part in enumerate(parts):
                _bind(state, part, entry(known, at), ast.Constant(None))
        case ast.Subscript(value=ast.Name(id=name), slice=ast.Constant(value=key)):
            held = state.names.get(name, NOTHING)
            state.names[name] = replace(held, items={**(held.items or {}), key: known})
        case ast.Attribute():  # what the object keeps may decide what the next call does
            state.is_sure = False
        case ast.Subscript() if known.draws:
            state.is_sure = False
        case _:
            pass


def _choose(state: Following, statement: ast.If) -> bool:
    """Follow both ways, or the only one; whether the function ends here."""
    certain = holds(state, statement.test)
    if certain is not None:
        return run(state, statement.body if certain else statement.orelse)
    asked = see(state, statement.test)
    names, under, path, places = dict(state.names), state.under, state.path, state.places
    deciding = under if asked.origins else united(under, asked)
    ends: list[bool] = []
    ways: list[dict[str, Seen]] = []
    for side, body in ((True, statement.body), (False, statement.orelse)):
        state.names, state.path, state.places = dict(names), (*path, (id(statement), side)), places
        state.under = deciding
        ends.append(run(state, body))
        ways.append(state.names)
    state.under, state.path = under, path
    if ends[0] != ends[1]:  # what follows is the other way
        state.names, state.under, state.path = ways[ends[0]], deciding, (*path, (id(statement), ends[1]))
        return False
    both = {name: [way.get(name, NOTHING) for way in ways] for name in {*ways[0], *ways[1]}}
    state.names = {name: merged(one, other, asked) for name, (one, other) in both.items()}
    return all(ends)


def _repeat(state: Following, statement: ast.stmt) -> None:
    """Go through a list of transforms; of any other loop nothing is known."""
    if isinstance(statement, ast.For) and isinstance(statement.target, ast.Name):
        match value_of(state, statement.iter):
            case Series(items=items, whole=True) if len(items) <= MOST_TURNS:
                for item in items:
                    state.values[statement.target.id] = item
                    run(state, statement.body)
                return
            case _:
                pass
    for node in walk(statement):
        match node:
            case ast.Name(id=name, ctx=ast.Store()):
                state.names[name] = NOTHING
                state.values.pop(name, None)
            case ast.Return() | ast.Attribute(ctx=ast.Store()):
                state.is_sure = False
            case ast.Call(func=ast.Attribute(attr=last) | ast.Name(id=last)) if STEERS.search(last):
                state.is_sure = False
            case _:
                pass


def see(state: Following, node: ast.expr) -> Seen:
    """What is known of an expression."""
    match node:
        case ast.Name(id=name):
            return state.names.get(name, NOTHING)
        case ast.Attribute(attr=attr) if attr in SIZES:
            return NOTHING
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            items = dict(enumerate(see(state, part) for part in parts))
            return replace(united(*items.values()), items=items)
        case ast.Dict(keys=keys, values=values):
            known = [see(state, value) for value in values]
            named = {k.value: v for k, v in zip(keys, known, strict=True) if isinstance(k, ast.Constant)}
            return replace(united(*known), items=named)
        case ast.Subscript():
            return _subscript(state, node)
        case ast.Call():
            return _call(state, node)
        case ast.IfExp():
            return _either(state, node)
        case ast.NamedExpr(target=target, value=value):
            known = see(state, value)
            _bind(state, target, known, value)
            return known
        case ast.ListComp() | ast.GeneratorExp() | ast.SetComp() | ast.DictComp() | ast.Lambda():
            return NOTHING
        case _:
            known = united(*(see(state, n) for n in ast.iter_child_nodes(node) if isinstance(n, ast.expr)))
            joins = isinstance(node, ast.JoinedStr) or (
                isinstance(node, ast.BinOp)
                and isinstance(node.op, ast.Div | ast.Add)
                and isinstance(node.left, ast.Attribute | ast.BinOp)
            )
            return _renamed(known, node) if joins else known


def _renamed(known: Seen, node: ast.expr) -> Seen:
    """What is read by a path that is made from the name of the sample: another folder is another origin."""
    if len(known.origins) != 1 or known.motions:
        return known
    ((_, index),) = known.origins
    return Seen(frozenset({(ast.unparse(node), index)}))


def _either(state: Following, node: ast.IfExp) -> Seen:
    certain = holds(state, node.test)
    if certain is not None:
        return see(state, node.body if certain else node.orelse)
    asked, under, path = see(state, node.test), state.under, state.path
    state.under = under if asked.origins else united(under, asked)
    sides: list[Seen] = []
    for side, way in ((True, node.body), (False, node.orelse)):
        state.path = (*path, (id(node), side))
        sides.append(see(state, way))
    state.under, state.path = under, path
    return merged(sides[0], sides[1], asked)


def _index(state: Following, node: ast.expr) -> str:
    """The expression as it is written, if only the index of the sample decides it."""
    names = {n.id for n in walk(node) if isinstance(n, ast.Name)}
    if not names & state.places or names - state.places - {"self", "len", "int", "str"}:
        return ""
    return "" if any(isinstance(n, ast.Call) and is_draw(state, n) for n in walk(node)) else ast.unparse(node)


def _subscript(state: Following, node: ast.Subscript) -> Seen:
    stored = dotted(node.value)
    if stored.startswith("self.") and (index := _index(state, node.slice)):
        return Seen(frozenset({(stored, index)}))
    known = see(state, node.value)
    if isinstance(node.slice, ast.Constant):
        return entry(known, node.slice.value)
    slices = [n for n in walk(node.slice) if isinstance(n, ast.Slice)]
    bounds = see(state, node.slice)
    if any(isinstance(s.step, ast.UnaryOp) for s in slices):  # backwards
        bounds = united(bounds, state.under)
    return state.moved(united(known), bounds if slices else NOTHING, node)


def _call(state: Following, node: ast.Call) -> Seen:
    function = node.func
    last = function.attr if isinstance(function, ast.Attribute) else dotted(function)
    if STEERS.search(last) or last == "setdefault":
        state.is_sure = False
        return NOTHING
    if is_draw(state, node):
        state.keep_note(dotted(function))
        return state.drawn(node)
    if last in SIZES:
        return NOTHING
    value = value_of(state, function)
    target, owner = _entry_point(value)
    if target is not None:
        plain = all(d.rpartition(".")[2] in PLAIN for d in target.decorators)
        state.is_sure &= plain  # others may keep what it returned
        return _inside(state, node, target, owner)
    given = [see(state, a) for a in (*node.args, *(k.value for k in node.keywords))]
    place = drawing_place(value, state.made)
    if place is not None and len(given) == 1:
        drawn = replace(state.drawn(node), drawn=place)
        return state.moved(united(*given), drawn, node)
    holder = see(state, function.value) if isinstance(function, ast.Attribute) else NOTHING
    if last in GEOMETRIC and not (last in {"transpose", "swapaxes"} and len(given) > 3):
        data, others = (holder, given) if holder.origins else (united(*given[:1]), given[1:])
        if not any(o.origins for o in others):
            return state.moved(united(data), united(state.under, *others), node)
    known = united(holder, *given)
    if last in SUMS:
        return Seen(known.origins, known.draws, known.drawn)
    return _renamed(known, node) if last in PATHS else known


def _entry_point(value: Value | None) -> tuple[Function | None, Instance | UserNetwork | None]:
    """The function of the user's that a call of this leads to, and its `self`."""
    match value:
        case Function():
            return value, None
        case Bound(function=function, owner=owner):
            return function, owner if isinstance(owner, Instance | UserNetwork) else None
        case Instance() | UserNetwork() if value.cls is not None:
            method = value.cls.find("__call__" if isinstance(value, Instance) else "forward")
            return (method, value) if isinstance(method, Function) else (None, None)
        case _:
            return None, None


def _inside(
    state: Following, node: ast.Call, function: Function, owner: Instance | UserNetwork | None
) -> Seen:
    """What a function of the user's makes of its arguments."""
    given = [see(state, a) for a in node.args]
    named = {k.arg: see(state, k.value) for k in node.keywords}
    made, spec = function.node, function.node.args
    is_open = any(isinstance(a, ast.Starred) for a in node.args) or None in named
    if is_open or state.depth >= DEEPEST or any(isinstance(n, ast.Yield | ast.Await) for n in walk(made)):
        return united(*given, *named.values())
    names = [a.arg for a in (*spec.posonlyargs, *spec.args)]
    if owner is not None and not function.is_made("staticmethod"):
        names = names[1:]
    inner = Following(function.source, function.name, owner, function.scope.find, state.made)
    inner.names = dict.fromkeys((*names, *(a.arg for a in spec.kwonlyargs)), NOTHING)
    inner.names |= dict(zip(names, given, strict=False)) | {k: v for k, v in named.items() if k}
    inner.values = {
        name: Const(default.value)
        for name, default in zip(names[::-1], spec.defaults[::-1], strict=False)
        if isinstance(default, ast.Constant)
    }
    passed = [*zip(names, node.args, strict=False), *((k.arg, k.value) for k in node.keywords)]
    for name, argument in passed:
        inner.values.pop(name or "", None)
        if name and (value := value_of(state, argument)) is not None:
            inner.values[name] = value
    inner.under, inner.path, inner.tally = state.under, state.path, state.tally
    inner.depth, inner.at = state.depth + 1, state.at or state.place(node)
    if isinstance(made, ast.Lambda):
        return see(inner, made.body)
    run(inner, made.body)
    state.is_sure &= inner.is_sure
    return reduce(lambda one, other: merged(one, other, NOTHING), inner.found) if inner.found else NOTHING
