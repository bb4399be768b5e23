"""Statements of a method that write into views of what its object stores, so that it adds up.

`img = self.images[i]` is a view: of a tensor or an array its memory, of a list its very entry. What is
written into it stays. Writing the same once more does no harm, so only what computes on the old numbers
counts, and what is written at random places.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from osler.static.entries import (
    OPERATORS,
    base,
    by_name,
    is_arithmetic,
    is_count,
    is_several,
    own,
    root,
)
from osler.static.sources import dotted
from osler.static.walking import walk

RANDOM = re.compile(
    r"^(rand\w*|normal|uniform|bernoulli|binomial|multinomial|poisson|exponential|beta|choices?|sample"
    r"|integers|permutation|standard_normal|triangular|gauss)_?$"
)
"""Last names of what draws random numbers."""

VIEWS = frozenset("view squeeze unsqueeze permute transpose swapaxes detach numpy".split())
"""Methods that return the same memory in another form."""

WRAPS = frozenset({"from_numpy"})
"""Functions that do."""

COMPUTES = frozenset("add_ sub_ mul_ div_ subtract_ multiply_ divide_ true_divide_ neg_ pow_".split())
"""In-place methods that compute on the old numbers."""

ARITHMETIC = frozenset({"add", "subtract", "sub", "multiply", "mul", "divide", "div", "true_divide"})
"""Functions that do so where they write into their argument, `out=x`."""

ARRAY = frozenset(
    "shape size dim ndim mean std var T flatten numel clip clamp sum clone view unsqueeze permute".split()
)
"""Attributes that tell an array or tensor from a number."""


@dataclass(frozen=True, slots=True)
class Write:
    """A statement that writes into what is stored.

    Attributes:
        attribute: of the object.
        name: the variable, as the source calls it.
        node: the statement or call.
    """

    attribute: str
    name: str
    node: ast.stmt | ast.expr


@dataclass(slots=True)
class Flow:
    """What is known on the way through a method.

    Attributes:
        method: all of it.
        stored: attributes that hold samples in memory.
        views: variables that are views, with the attribute.
        pieces: variables that are a copy instead of a view if a list is stored: `self.rows[i][:8]`.
        places: variables that are one number, made from the method's argument.
        random: variables that depend on random numbers.
        muted: what happens now depends on the sample, or on what is stored.
        found: writes.
    """

    method: ast.FunctionDef | ast.AsyncFunctionDef
    stored: frozenset[str]
    views: dict[str, str] = field(default_factory=dict[str, str])
    pieces: set[str] = field(default_factory=set[str])
    places: set[str] = field(default_factory=set[str])
    random: set[str] = field(default_factory=set[str])
    muted: bool = False
    found: list[Write] = field(default_factory=list[Write])


def writes(method: ast.FunctionDef | ast.AsyncFunctionDef, stored: Iterable[str]) -> list[Write]:
    """What adds up in the attributes that hold samples; nothing where the object keeps note of anything."""
    names = [a.arg for a in method.args.args]
    notes = (n for n in walk(method) if isinstance(n, ast.Attribute) and isinstance(n.ctx, ast.Store))
    if len(names) < 2 or any(own(n) for n in notes):
        return []
    flow = Flow(method, frozenset(stored), places={names[1]})
    run(flow, method.body)
    return flow.found


def run(flow: Flow, body: list[ast.stmt]) -> None:
    """Follow statements in order."""
    for statement in body:
        match statement:
            case ast.If(test=test):
                choose(flow, statement, depends(flow, test))
            case ast.For(target=target, iter=over, body=inner, orelse=after):
                bind(flow, target, over)
                run(flow, inner)
                run(flow, after)
            case ast.While(body=inner):
                run(flow, inner)
            case ast.With(items=items, body=inner):
                forget(flow, (i.optional_vars for i in items))
                run(flow, inner)
            case ast.Match(cases=cases):
                match_cases(flow, cases)
            case ast.Try() | ast.TryStar():
                blocks = (statement.body, *(h.body for h in statement.handlers))
                for each in (*blocks, statement.orelse, statement.finalbody):
                    run(flow, each)
            case _:
                do(flow, statement)
        for name in rebound(statement):
            flow.views.pop(name, None)


def do(flow: Flow, statement: ast.stmt) -> None:
    """Follow a statement without others inside."""
    match statement:
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                assign(flow, statement, target, value)
        case ast.AnnAssign(target=target, value=ast.expr() as value):
            assign(flow, statement, target, value)
        case ast.Delete(targets=targets):
            forget(flow, targets)
        case ast.AugAssign():
            augment(flow, statement)
        case ast.Expr(value=ast.Call() as call):
            apply(flow, call)
        case _:
            pass


def rebound(statement: ast.stmt) -> Iterator[str]:
    """Names that an assignment within an expression, or a loop over it, gives another value."""
    for node in walk(statement) if not isinstance(statement, ast.Assign | ast.AugAssign) else ():
        if isinstance(node, ast.NamedExpr):
            yield node.target.id


def forget(flow: Flow, targets: Iterable[ast.AST | None]) -> None:
    """Names get values that nobody knows."""
    for node in (n for t in targets if t is not None for n in walk(t)):
        match node:
            case (
                ast.Name(id=str() as name)
                | ast.MatchAs(name=str() as name)
                | ast.MatchStar(name=str() as name)
            ):
                flow.views.pop(name, None)
            case ast.MatchMapping(rest=str() as name):
                flow.views.pop(name, None)
            case _:
                pass


def match_cases(flow: Flow, cases: list[ast.match_case]) -> None:
    """Follow all ways, none included; a view is one behind them if it is one on each."""
    before, muted, ends = dict(flow.views), flow.muted, [dict(flow.views)]
    for case in cases:
        flow.views, flow.muted = dict(before), True
        forget(flow, [case.pattern])
        run(flow, case.body)
        ends.append(flow.views)
    flow.muted = muted
    flow.views = {n: a for n, a in before.items() if all(end.get(n) == a for end in ends)}


def choose(flow: Flow, statement: ast.If, is_asked: bool) -> None:
    """Follow both ways; a view is one behind them if it is one on both."""
    before, muted = dict(flow.views), flow.muted
    flow.muted = muted or is_asked
    run(flow, statement.body)
    one, flow.views = flow.views, dict(before)
    run(flow, statement.orelse)
    flow.views = {name: a for name, a in flow.views.items() if one.get(name) == a}
    leaves = any(isinstance(n, ast.Return | ast.Continue | ast.Break) for n in walk(statement))
    flow.muted = muted or (is_asked and leaves)


def depends(flow: Flow, test: ast.expr) -> bool:
    """Whether a condition asks for the sample, or for an entry of what the object holds."""
    match test:
        case ast.Call(func=function) if dotted(function) in {"isinstance", "torch.is_tensor"}:
            return False
        case _:
            asked = list(walk(test))
    names = {n.id for n in asked if isinstance(n, ast.Name)}
    entries = any(isinstance(n, ast.Subscript | ast.In | ast.NotIn) for n in asked)
    return entries or bool(names & (flow.places | flow.views.keys()))


def assign(flow: Flow, statement: ast.Assign | ast.AnnAssign, target: ast.expr, value: ast.expr) -> None:
    """An assignment to names, or into something."""
    if not isinstance(target, ast.Subscript):
        bind(flow, target, value)
        return
    name, keyed = root(target), by_name(target)
    again = is_arithmetic(value) and ast.unparse(target) in {ast.unparse(n) for n in ast.walk(value)}
    anew = isinstance(target.slice, ast.Slice) and target.slice.lower is None and target.slice.upper is None
    whole = anew and is_arithmetic(value) and name in {dotted(n) for n in walk(value)}
    if again or whole or (not keyed and is_random(flow, target.slice)):
        note(flow, statement, target)


def augment(flow: Flow, statement: ast.AugAssign) -> None:
    """``x += …``, ``x[k] -= …``."""
    target, value = statement.target, statement.value
    if isinstance(target, ast.Name) and is_random(flow, value):
        flow.random.add(target.id)
    if not isinstance(statement.op, OPERATORS):
        return
    if isinstance(target, ast.Name) and target.id in flow.views:
        if isinstance(value, ast.List) or is_array(flow, target.id, statement):
            note(flow, statement, target)
    elif isinstance(target, ast.Subscript):
        counts = isinstance(statement.op, ast.Add | ast.Sub) and is_count(target, value)
        if not counts:
            note(flow, statement, target)


def apply(flow: Flow, call: ast.Call) -> None:
    """``x.mul_(…)``, ``np.add(x, noise, out=x)``."""
    match call.func:
        case ast.Attribute(value=ast.Call() as inner, attr=attr) if attr.endswith("_"):
            apply(flow, inner)
        case ast.Attribute(value=owner, attr=attr) if attr in COMPUTES:
            note(flow, call, owner)
        case ast.Attribute(value=owner, attr="masked_fill_") if call.args and is_random(flow, call.args[0]):
            note(flow, call, owner)
        case ast.Attribute(attr=attr) if attr in ARITHMETIC:
            out = next((k.value for k in call.keywords if k.arg == "out"), None)
            if out is not None and any(ast.unparse(a) == ast.unparse(out) for a in call.args):
                note(flow, call, out)
        case _:
            pass


def note(flow: Flow, node: ast.stmt | ast.expr, target: ast.expr) -> None:
    """Something is written; it counts if it is stored and is used afterwards."""
    first = base(target)
    attribute = flow.views.get(first.id, "") if isinstance(first, ast.Name) else own(first)
    if flow.muted or attribute not in flow.stored or (own(first) and not is_basic_entry(flow, target)):
        return
    name = ast.unparse(first)
    if name in flow.pieces and not isinstance(node, ast.expr) and not is_array(flow, name, node):
        return
    later = (n for n in walk(flow.method) if isinstance(n, ast.expr) and n.lineno > node.lineno)
    if any(ast.unparse(n) == name and isinstance(n, ast.Name | ast.Attribute) for n in later):
        flow.found.append(Write(attribute, name, node))


def bind(flow: Flow, target: ast.expr, value: ast.expr) -> None:
    """Names get values."""
    if isinstance(target, ast.Tuple | ast.List):
        whole = view(flow, value)
        parts = value.elts if isinstance(value, ast.Tuple | ast.List) else [value] * len(target.elts)
        for inner, part in zip(target.elts, parts, strict=False):
            if whole and isinstance(inner, ast.Name):
                flow.views[inner.id] = whole
            else:
                bind(flow, inner, part)
        return
    if not isinstance(target, ast.Name):
        return
    known, is_place = view(flow, value), is_number(flow, value)
    piece = is_piece(flow, value)
    for names, holds in (
        (flow.places, is_place),
        (flow.random, is_random(flow, value)),
        (flow.pieces, piece),
    ):
        (names.add if holds else names.discard)(target.id)
    flow.views.pop(target.id, None)
    if known and not isinstance(target, ast.Starred):
        flow.views[target.id] = known


def view(flow: Flow, value: ast.expr) -> str:
    """The stored attribute of which this is a view; empty if it is none, or nobody knows."""
    match value:
        case ast.Name(id=name):
            return flow.views.get(name, "")
        case ast.Subscript(value=ast.Attribute() as held) if own(held) in flow.stored:
            return own(held) if is_basic(flow, value.slice) else ""
        case ast.Subscript(value=inner, slice=where) if is_basic(flow, where):
            return view(flow, inner)
        case ast.Call(func=ast.Attribute(value=owner, attr=attr)) if attr in VIEWS:
            return view(flow, owner)
        case ast.Call(func=ast.Attribute(attr=attr), args=[given]) if attr in WRAPS:
            return view(flow, given)
        case ast.Attribute(value=inner, attr="T"):
            return view(flow, inner)
        case _:
            return ""


def is_piece(flow: Flow, value: ast.expr) -> bool:
    """The last index is a slice."""
    match value:
        case ast.Subscript(slice=ast.Slice()):
            return True
        case ast.Name(id=name):
            return name in flow.pieces
        case _:
            return False


def is_basic(flow: Flow, where: ast.expr) -> bool:
    """An index that makes a view: numbers, slices and names of entries, but no list or mask."""
    match where:
        case ast.Slice():
            return True
        case ast.Constant(value=value):
            return type(value) in {int, str, type(...), type(None)}
        case ast.Tuple(elts=parts):
            return all(is_basic(flow, part) for part in parts)
        case _:
            return is_number(flow, where)


def is_number(flow: Flow, value: ast.expr) -> bool:
    """One number, computed from the argument: ``i``, ``i + 1``, ``i % len(self.x)``, ``int(i)``."""
    match value:
        case ast.Name(id=name):
            return name in flow.places
        case ast.BinOp(left=left, right=right):
            sides = [left, right]
            other = (ast.Constant, ast.Attribute, ast.Call)
            return any(is_number(flow, s) for s in sides) and all(
                is_number(flow, s) or isinstance(s, other) for s in sides
            )
        case ast.Call(func=ast.Name(id="int"), args=[given]):
            return is_number(flow, given)
        case ast.Call(func=ast.Attribute(value=owner, attr="item" | "tolist")):
            return is_number(flow, owner)
        case _:
            return False


def is_basic_entry(flow: Flow, target: ast.expr) -> bool:
    """``self.images[i]``, or part of it."""
    while isinstance(target, ast.Subscript) and isinstance(target.value, ast.Subscript):
        target = target.value
    return isinstance(target, ast.Subscript) and any(
        is_number(flow, part)
        for part in (target.slice.elts if isinstance(target.slice, ast.Tuple) else [target.slice])
    )


def is_random(flow: Flow, value: ast.expr) -> bool:
    """It depends on random numbers."""
    for node in walk(value):
        if isinstance(node, ast.Name) and node.id in flow.random:
            return True
        if isinstance(node, ast.Call):
            function = node.func
            last = function.attr if isinstance(function, ast.Attribute) else dotted(function)
            if RANDOM.match(last):
                return True
    return False


def is_array(flow: Flow, name: str, statement: ast.stmt) -> bool:
    """The variable holds several numbers, and is no text or tuple, of which a new one would be made."""
    match statement:
        case ast.AugAssign(target=ast.Name(), op=op):
            whole, entries = True, isinstance(op, ast.Sub | ast.Div)
        case _:
            whole = entries = False
    for node in walk(flow.method):
        match node:
            case ast.Attribute(value=ast.Name(id=owner), attr=attr) if owner == name and attr in ARRAY:
                return True
            case ast.Subscript(value=ast.Name(id=owner)) if owner == name and entries:
                return True
            case ast.Call(func=ast.Attribute(attr=attr), args=[ast.Name(id=given)]) if given == name:
                if attr in WRAPS or attr.endswith("_like"):
                    return True
            case _:
                pass
    return any(is_several(node) for node in walk(statement) if whole)
