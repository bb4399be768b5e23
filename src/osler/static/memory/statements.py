"""What statements do with names and memory."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence

from osler.static.memory.blocks import (
    NOTHING,
    Class,
    Function,
    Outside,
    Ref,
    Scope,
    Value,
    handed_out,
    is_array,
    is_list,
    refs_in,
)
from osler.static.memory.expressions import SETTER, TURNS, bind, evaluate, item_of, store, turns_over
from osler.static.memory.scene import Frame, Scene
from osler.static.memory.state import joined
from osler.static.sources import Source, dotted
from osler.static.walking import walk

ENDS = frozenset({"sys.exit", "exit", "quit", "os._exit"})
"""Calls behind which nothing is reached."""


def perform(scene: Scene, body: Sequence[ast.stmt]) -> bool:
    """Follow statements; whether the line behind them is reached."""
    return all(_perform(scene, node) for node in body)


def _perform(scene: Scene, node: ast.stmt) -> bool:
    scene.spend()
    match node:
        case ast.Expr(value=value):
            evaluate(scene, value)
            return not (isinstance(value, ast.Call) and dotted(value.func) in ENDS)
        case ast.Assign(targets=targets, value=value):
            given = evaluate(scene, value)
            for target in targets:
                if isinstance(target, ast.Subscript):
                    scene.use(value, given)
                bind(scene, target, given)
        case ast.AnnAssign(target=target, value=ast.expr() as value):
            bind(scene, target, evaluate(scene, value))
        case ast.AugAssign():
            _changed(scene, node)
        case ast.Return():
            _return(scene, node)
            return False
        case ast.Raise():
            return False
        case ast.Break() | ast.Continue():
            if scene.frame.left:
                scene.frame.left[-1].append((isinstance(node, ast.Break), scene.state))
            return False
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            _define(scene, node)
        case ast.Import() | ast.ImportFrom():
            _import(scene, node)
        case ast.Global(names=names) | ast.Nonlocal(names=names):
            scene.frame.scope.outward.update(names)
        case _:
            return _block(scene, node)
    return True


def _block(scene: Scene, node: ast.stmt) -> bool:
    match node:
        case ast.If(test=test, body=body, orelse=orelse):
            evaluate(scene, test)
            if _had_its_turn(scene, test):
                return perform(scene, orelse)
            return scene.apart([lambda: perform(scene, body), lambda: perform(scene, orelse)])
        case ast.For() | ast.AsyncFor() | ast.While():
            return _loop(scene, node)
        case ast.With(items=items, body=body) | ast.AsyncWith(items=items, body=body):
            for item in items:
                value = evaluate(scene, item.context_expr)
                if item.optional_vars is not None:
                    bind(scene, item.optional_vars, value)
            return perform(scene, body)
        case ast.Try() | ast.TryStar():
            return _try(scene, node)
        case ast.Match(subject=subject, cases=cases):
            evaluate(scene, subject)
            ways = [_case(scene, case) for case in cases]
            return scene.apart([*ways, lambda: True])
        case ast.Delete(targets=targets):
            for target in targets:
                _delete(scene, target)
        case _:
            pass
    return True


def _case(scene: Scene, case: ast.match_case) -> Callable[[], bool]:
    """What a pattern takes out of its subject is not known."""

    def way() -> bool:
        for node in walk(case.pattern):
            match node:
                case (
                    ast.MatchAs(name=str() as name)
                    | ast.MatchStar(name=str() as name)
                    | ast.MatchMapping(rest=str() as name)
                ):
                    scene.assign(name, scene.fresh())
                case _:
                    pass
        return perform(scene, case.body)

    return way


def _changed(scene: Scene, node: ast.AugAssign) -> None:
    """`target += value`: arrays change in place, numbers do not."""
    value = evaluate(scene, node.value)
    scene.use(node.value, value)
    if isinstance(node.target, ast.Subscript):
        store(scene, node.target)
        return
    before = (
        scene.look_up(node.target.id) if isinstance(node.target, ast.Name) else evaluate(scene, node.target)
    )
    before = before or NOTHING
    if is_array(before):
        scene.change(before, node)
        scene.renew(node.target)
        if isinstance(node.target, ast.Attribute):
            bind(scene, node.target, tuple(Ref(r.block, scene.tick()) for r in before if isinstance(r, Ref)))
    elif is_list(before) and is_list(value):
        added = [e for one in value if isinstance(one, Ref) for e in scene.state.entries.get(one.block, ())]
        for holder in (one.block for one in before if isinstance(one, Ref)):
            for entry in added:
                scene.keep(holder, entry.value, node)
    elif not is_list(before):
        bind(scene, node.target, scene.fresh())


def _return(scene: Scene, node: ast.Return) -> None:
    value = evaluate(scene, node.value) if node.value is not None else NOTHING
    function = scene.frame.function
    if function is not None and node.value is not None:
        for part in node.value.elts if isinstance(node.value, ast.Tuple) else ():
            _check_returned(scene, part, value)
        value = handed_out(value, scene.tick(), scene.place(node), function)
    scene.frame.returned.append((value, scene.state))


def _check_returned(scene: Scene, part: ast.expr, whole: Value) -> None:
    """Two states in one tuple, of which the first has become the second."""
    match part:
        case ast.Name(id=name):
            value = scene.look_up(name) or NOTHING
            blocks = [r.block for refs in refs_in(whole) for r in refs]
            if any(isinstance(r, Ref) and blocks.count(r.block) > 1 for r in value):
                scene.use(part, value, whole)
        case _:
            pass


def _loop(scene: Scene, node: ast.For | ast.AsyncFor | ast.While) -> bool:
    over = NOTHING if isinstance(node, ast.While) else evaluate(scene, node.iter)
    ends = [] if _is_endless(node) else [scene.state.copy()]
    counters, outer = _counters(node), scene.frame.passed
    for turn in range(TURNS if isinstance(node, ast.While) else turns_over(node.iter)):
        if isinstance(node, ast.While):
            evaluate(scene, node.test)
        else:
            bind(scene, node.target, item_of(scene, over, node.iter, turn))
        scene.frame.left.append([])
        alive = perform(scene, node.body)
        left = scene.frame.left.pop()
        ends += [state for is_break, state in left if is_break]
        scene.frame.passed = outer | counters
        onward = [state for is_break, state in left if not is_break] + ([scene.state] if alive else [])
        if not onward:
            break
        scene.state = joined(onward)
        if not _is_endless(node):
            ends.append(scene.state.copy())
    scene.frame.passed = outer
    if not ends:
        return False
    scene.state = joined(ends)
    return perform(scene, node.orelse)


def _counters(node: ast.For | ast.AsyncFor | ast.While) -> set[str]:
    """Names that are another number in each turn."""
    match node:
        case ast.For(target=ast.Name(id=name), iter=ast.Call(func=ast.Name(id="range" | "trange"))):
            return {name}
        case ast.For(
            target=ast.Tuple(elts=[ast.Name(id=name), *_]), iter=ast.Call(func=ast.Name(id="enumerate"))
        ):
            return {name}
        case _:
            return set()


def _had_its_turn(scene: Scene, test: ast.expr) -> bool:
    """`if epoch == last:` holds in one turn of a loop, which has been followed."""
    match test:
        case ast.BoolOp(op=ast.And(), values=values):
            return any(_had_its_turn(scene, value) for value in values)
        case ast.Compare(ops=[ast.Eq()]):
            parts = list(walk(test))
            names = {n.id for n in parts if isinstance(n, ast.Name)}
            return bool(names & scene.frame.passed) and not any(
                isinstance(n, ast.Mod | ast.FloorDiv) for n in parts
            )
        case _:
            return False


def _is_endless(node: ast.For | ast.AsyncFor | ast.While) -> bool:
    return isinstance(node, ast.While) and isinstance(node.test, ast.Constant) and bool(node.test.value)


def _try(scene: Scene, node: ast.Try | ast.TryStar) -> bool:
    before = scene.state.copy()

    def handled(body: list[ast.stmt]) -> bool:
        scene.state = joined([before.copy(), scene.state])
        return perform(scene, body)

    def finished() -> bool:
        return perform(scene, node.body) and perform(scene, node.orelse)

    def way(body: list[ast.stmt]) -> Callable[[], bool]:
        return lambda: handled(body)

    alive = scene.apart([finished, *(way(h.body) for h in node.handlers)])
    return perform(scene, node.finalbody) and alive


def _delete(scene: Scene, target: ast.expr) -> None:
    match target:
        case ast.Subscript(value=inner):
            for one in evaluate(scene, inner):
                if isinstance(one, Ref) and one.block.kind == "list":
                    scene.state.entries[one.block] = ()
        case ast.Name(id=name):
            scene.state.cells.pop((scene.frame.scope, name), None)
        case ast.Attribute(value=inner, attr=name):
            for one in evaluate(scene, inner):
                scene.state.cells.pop((one, name), None)
        case _:
            pass


def _define(scene: Scene, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> None:
    scope = scene.frame.scope
    if isinstance(node, ast.ClassDef):
        cls = Class(node, scope, tuple(evaluate(scene, base) for base in node.bases))
        body = Scope(scope.source, scope)
        scene.frames.append(Frame(body, scene.frame.function, cls))
        perform(scene, node.body)
        scene.frames.pop()
        for key in [key for key in scene.state.cells if key[0] is body]:
            scene.state.cells[cls, key[1]] = scene.state.cells.pop(key)
        scene.assign(node.name, (cls,))
        return
    owner = scene.frame.cls
    if owner is not None and scope.parent is not None:
        scope = scope.parent
    function = Function(node, scope, owner)
    scene.functions.append(function)
    decorators = {d.attr for d in node.decorator_list if isinstance(d, ast.Attribute)}
    if not decorators & {"setter", "deleter"}:
        scene.assign(node.name, (function,))
    elif "setter" in decorators:
        scene.assign(f"{node.name}{SETTER}", (function,))


def _import(scene: Scene, node: ast.Import | ast.ImportFrom) -> None:
    if isinstance(node, ast.Import):
        for alias in node.names:
            name = alias.name if alias.asname else alias.name.partition(".")[0]
            scene.assign(alias.asname or name, (_module(scene, name, 0) or Outside(name),))
        return
    above = node.module or ""
    for alias in node.names:
        inside = _module(scene, above, node.level)
        value: Value = (Outside(f"{above}.{alias.name}"),)
        if isinstance(inside, Scope):
            value = scene.state.cells.get((inside, alias.name)) or scene.fresh()
        inner = _module(scene, f"{above}.{alias.name}" if above else alias.name, node.level)
        if isinstance(inner, Scope):
            value = (inner,)
        if alias.name == "*" and isinstance(inside, Scope):
            for owner, name in [key for key in scene.state.cells if key[0] is inside]:
                scene.assign(name, scene.state.cells[owner, name])
        else:
            scene.assign(alias.asname or alias.name, value)


def _module(scene: Scene, name: str, level: int) -> Scope | None:
    source = scene.modules.find(scene.source, name, level)
    return None if source is None else follow_module(scene, source)


def follow_module(scene: Scene, source: Source) -> Scope:
    """The names of a file; its lines are followed the first time."""
    known = scene.imported.get(source.file)
    if known is not None:
        return known
    scene.hold(source)
    scope = scene.imported[source.file] = Scope(source)
    if source.tree is not None:
        outer, scene.frames = scene.frames, [Frame(scope)]
        perform(scene, source.tree.body)
        scene.frames = outer
    return scope
