"""What statements do, one after the other, branches joined and loop bodies taken again where it matters."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from osler.model import (
    Const,
    ExitNode,
    External,
    Kind,
    Length,
    Maybe,
    Parameters,
    Series,
    Tensor,
    Unknown,
    Value,
)
from osler.static.classes import define_class
from osler.static.conditions import condition, key_of, text_of, truth
from osler.static.contexts import enter, released
from osler.static.filling import fill_by_call
from osler.static.imports import import_from, import_module
from osler.static.iteration import element
from osler.static.iterators import decided
from osler.static.loops import follow_for, follow_while
from osler.static.machine import Machine
from osler.static.notes import note_call
from osler.static.overwriting import mean_it, note_sum
from osler.static.parameters import joined
from osler.static.sources import dotted
from osler.static.targets import bind
from osler.static.tensors import operate
from osler.static.touching import OPERATORS, gradient, touch
from osler.static.values import Arguments, Doing, function_of
from osler.static.walking import walk


def execute(machine: Machine, body: Sequence[ast.stmt]) -> bool:
    """Follow statements; whether the line behind them is reached."""
    for statement in body:
        handler = HANDLERS.get(type(statement))
        if machine.budget <= 0:
            machine.give_up("budget")
            return True
        machine.spend()
        if handler is not None and not handler(machine, statement):
            return False
    return True


def _expression(machine: Machine, node: ast.Expr) -> bool:
    if not isinstance(node.value, ast.Constant):
        machine.discarded = node.value
        value = machine.evaluate(machine, node.value)
        fill_by_call(machine, node, value)
        mean_it(machine, node)
    return not _never_returns(node.value)


def _never_returns(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and dotted(node.func) in {"sys.exit", "exit", "quit", "os._exit"}


def _assign(machine: Machine, node: ast.Assign) -> bool:
    machine.target = dotted(node.targets[0])
    if all(isinstance(t, ast.Name) and t.id == "_" for t in node.targets):
        machine.discarded = node.value
    value = machine.evaluate(machine, node.value)
    machine.target = ""
    for target in node.targets:
        bind(machine, target, value, node)
    return True


def _annotated(machine: Machine, node: ast.AnnAssign) -> bool:
    if node.value is not None:
        machine.target = dotted(node.target)
        bind(machine, node.target, machine.evaluate(machine, node.value), node)
        machine.target = ""
    return True


def _augmented(machine: Machine, node: ast.AugAssign) -> bool:
    before = machine.evaluate(machine, node.target)
    value = machine.evaluate(machine, node.value)
    owner = gradient(before)
    if owner is not None:
        touch(machine, owner, OPERATORS.get(type(node.op), "written"), value, node)
        return True
    leaf = _leaf(before)
    if isinstance(node.op, ast.Div) and isinstance(value, Length) and value.plain:
        note_call(machine, "/", Arguments([before, value]), node)
    if leaf is not None:
        machine.emit(Kind.STEP, node, leaf, value, "by hand")
        return True
    after = _grown(machine, node, before, value)
    if isinstance(value, Tensor) and isinstance(node.op, ast.Add):
        words = ["outer"] if _is_from_outside(machine, node.target) else []
        kept = machine.emit(Kind.KEEP, node, before, value, f"name:{dotted(node.target)}", *words)
        if isinstance(after, Tensor):
            after = replace(after, sites=after.sites | {kept.place})
    if not (isinstance(node.target, ast.Attribute) and isinstance(before, Doing)):
        bind(machine, node.target, after, node)
    return True


def _is_from_outside(machine: Machine, target: ast.expr) -> bool:
    """It had its value before this turn of the loop began."""
    name = target.attr if isinstance(target, ast.Attribute) else getattr(target, "id", "")
    if not machine.turn_marks or not machine.frame.loops:
        return False
    return all(written != name for _, written, _ in machine.journal[machine.turn_marks[-1] :])


def _leaf(value: Value) -> Value | None:
    match value:
        case Tensor(leaf=leaf):
            return leaf
        case Doing(receiver=Tensor(leaf=leaf), name="data"):
            return leaf
        case _:
            return None


def _grown(machine: Machine, node: ast.AugAssign, before: Value, value: Value) -> Value:
    if isinstance(before, Tensor) or isinstance(value, Tensor):
        total = operate(machine, "add", (before, value), node)
        if isinstance(node.op, ast.Add):
            note_sum(machine, (before, value), total, node)
        return replace(total, gauge="") if isinstance(node.op, ast.Sub) else total
    if isinstance(before, Series) and isinstance(node.op, ast.Add):
        added = value.items if isinstance(value, Series) else [element(machine, value, node)]
        whole = before.whole and isinstance(value, Series) and value.whole and not machine.frame.loops
        return Series([*before.items, *added], before.kind, whole, before.place)
    if isinstance(before, Parameters) and isinstance(node.op, ast.Add):
        return joined([before, value])
    if machine.frame.function and not isinstance(node.target, ast.Name):
        return Unknown()  # a function that counts in what it is given counts at every call
    binary = ast.copy_location(ast.BinOp(node.target, node.op, node.value), node)
    return (
        machine.evaluate(machine, binary)
        if isinstance(before, Const) and isinstance(value, Const)
        else Unknown()
    )


def _return(machine: Machine, node: ast.Return) -> bool:
    value = machine.evaluate(machine, node.value) if node.value is not None else Const(None)
    machine.frame.returned.append(value)
    machine.block.append(ExitNode("return"))
    return False


def _raise(machine: Machine, node: ast.Raise) -> bool:
    del node
    machine.block.append(ExitNode("raise"))
    return False


def _break(machine: Machine, node: ast.Break | ast.Continue) -> bool:
    machine.block.append(ExitNode("break" if isinstance(node, ast.Break) else "continue"))
    return False


def _if(machine: Machine, node: ast.If) -> bool:
    test, body, orelse, text = node.test, node.body, node.orelse, text_of(node.test)
    key = key_of(machine, test)
    known = truth(condition(machine, test))
    if known is not None:
        with decided(machine, test, orelse if known else body):
            return execute(machine, body if known else orelse)
    guards = (text, f"not ({text})")
    while isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        test, body, orelse, guards = test.operand, orelse, body, guards[::-1]
        key = key_of(machine, test)
    return machine.fork(
        key,
        (
            lambda: _assuming(machine, test, body, holds=True),
            lambda: _assuming(machine, test, orelse, holds=False),
        ),
        guards,
    )


def _assuming(machine: Machine, test: ast.expr, body: Sequence[ast.stmt], *, holds: bool) -> bool:
    """Follow a branch with what its condition says about a name that may be None."""
    name, present = _asked(test)
    if name:
        value = machine.frame.scope.find(name)
        if isinstance(value, Maybe):
            machine.assign(name, value.value if present is holds else Const(None))
    return execute(machine, body)


def _asked(test: ast.expr) -> tuple[str, bool]:
    match test:
        case ast.Name(id=name):
            return name, True
        case ast.Compare(
            left=ast.Name(id=name),
            ops=[ast.Is() | ast.IsNot() | ast.Eq() | ast.NotEq() as op],
            comparators=[ast.Constant(value=None)],
        ):
            return name, isinstance(op, ast.IsNot | ast.NotEq)
        case _:
            return "", True


def _with(machine: Machine, node: ast.With | ast.AsyncWith) -> bool:
    return _enter_all(machine, node, list(node.items))


def _enter_all(machine: Machine, node: ast.With | ast.AsyncWith, items: list[ast.withitem]) -> bool:
    if not items:
        return execute(machine, node.body)
    first, rest = items[0], items[1:]
    manager = released(machine, first.context_expr)
    alive = [True]

    def inside(value: Value) -> None:
        if first.optional_vars is not None:
            bind(machine, first.optional_vars, value, node)
        alive[0] = _enter_all(machine, node, rest)

    mark = len(machine.journal)
    with ExitStack() as stack:
        enter(machine, manager, inside, first.context_expr, stack)
    if isinstance(first.context_expr, ast.Call) and dotted(first.context_expr.func).endswith("suppress"):
        machine.doubt(mark)
        alive[0] = True
    return alive[0]


def _try(machine: Machine, node: ast.Try | ast.TryStar) -> bool:
    mark = len(machine.journal)
    alive = execute(machine, node.body)
    if alive:
        alive = execute(machine, node.orelse)
    if node.handlers:

        def handle(handler: ast.ExceptHandler) -> bool:
            machine.doubt(mark)
            return execute(machine, handler.body)

        ways = [lambda h=handler: handle(h) for handler in node.handlers]
        alive = machine.fork("", [lambda: alive, *ways], ["", *["except"] * len(ways)])
    return execute(machine, node.finalbody) and alive


def _function(machine: Machine, node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    names = tuple(_decorator(machine, d) for d in node.decorator_list)
    function = function_of(node, machine.frame.scope, machine.source, names)
    machine.functions.append(function)
    machine.assign(node.name, function)
    return True


def _decorator(machine: Machine, node: ast.expr) -> str:
    inner = node.func if isinstance(node, ast.Call) else node
    value = machine.evaluate(machine, inner)
    name = value.name if isinstance(value, External) else dotted(inner)
    if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
        return f"{name}:{node.args[0].value}" if node.args[0].value is False else name
    return name


def _class(machine: Machine, node: ast.ClassDef) -> bool:
    define_class(machine, node)
    return True


def _global(machine: Machine, node: ast.Global | ast.Nonlocal) -> bool:
    machine.frame.scope.outward |= set(node.names)
    return True


def _import(machine: Machine, node: ast.Import) -> bool:
    import_module(machine, node)
    return True


def _from(machine: Machine, node: ast.ImportFrom) -> bool:
    import_from(machine, node)
    return True


def _match(machine: Machine, node: ast.Match) -> bool:
    subject = machine.evaluate(machine, node.subject)
    cases: list[ast.match_case] = []
    for case in node.cases:
        known = None if case.guard is not None else _fits(subject, case.pattern)
        if known is not False:
            cases.append(case)
        if known:
            break
    else:
        cases.append(ast.match_case(ast.MatchAs(), None, []))
    if len(cases) == 1:
        return _case(machine, cases[0])
    ways = [lambda c=case: _case(machine, c) for case in cases]
    return machine.fork("", ways, [f"case {ast.unparse(c.pattern)}" for c in cases])


def _fits(subject: Value, pattern: ast.pattern) -> bool | None:
    """Whether a pattern takes a subject; None if that is not known."""
    match pattern, subject:
        case ast.MatchAs(pattern=None), _:
            return True
        case ast.MatchValue(value=ast.Constant(value=wanted)), Const():
            return wanted == subject.value
        case ast.MatchSingleton(value=wanted), Const():
            return wanted is subject.value
        case ast.MatchOr(), _:
            known = [_fits(subject, p) for p in pattern.patterns]
            return True if True in known else False if set(known) == {False} else None
        case _:
            return None


def _case(machine: Machine, case: ast.match_case) -> bool:
    """Follow a case; nothing is known of what its pattern takes out of the subject."""
    for part in walk(case.pattern):
        name = getattr(part, "rest" if isinstance(part, ast.MatchMapping) else "name", None)
        if isinstance(part, ast.MatchAs | ast.MatchStar | ast.MatchMapping) and name:
            bind(machine, ast.Name(name, ast.Store()), Unknown(), part)
    if case.guard is not None:
        condition(machine, case.guard)
    return execute(machine, case.body)


def _assert(machine: Machine, node: ast.Assert) -> bool:
    condition(machine, node.test)
    return True


def _delete(machine: Machine, node: ast.Delete) -> bool:
    for target in node.targets:
        if isinstance(target, ast.Attribute) and target.attr == "grad":
            touch(machine, machine.evaluate(machine, target.value), "written", Const(None), node)
    return True


HANDLERS: Mapping[type[ast.stmt], Callable[[Machine, Any], bool]] = MappingProxyType(
    {
        ast.Expr: _expression,
        ast.Assign: _assign,
        ast.AnnAssign: _annotated,
        ast.AugAssign: _augmented,
        ast.Return: _return,
        ast.Raise: _raise,
        ast.Break: _break,
        ast.Continue: _break,
        ast.If: _if,
        ast.For: follow_for,
        ast.AsyncFor: follow_for,
        ast.While: follow_while,
        ast.With: _with,
        ast.AsyncWith: _with,
        ast.Try: _try,
        ast.TryStar: _try,
        ast.FunctionDef: _function,
        ast.AsyncFunctionDef: _function,
        ast.ClassDef: _class,
        ast.Global: _global,
        ast.Nonlocal: _global,
        ast.Import: _import,
        ast.ImportFrom: _from,
        ast.Match: _match,
        ast.Assert: _assert,
        ast.Delete: _delete,
    }
)
"""What follows each kind of statement."""
