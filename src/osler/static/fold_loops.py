"""Loops over the folds of a cross-validation, and which rows each fold trains on and holds out."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from osler.static.regions import statements
from osler.static.sources import Source, dotted
from osler.static.walking import walk

SPLITTERS = frozenset(
    "KFold StratifiedKFold GroupKFold StratifiedGroupKFold RepeatedKFold RepeatedStratifiedKFold "
    "ShuffleSplit StratifiedShuffleSplit GroupShuffleSplit LeaveOneOut LeavePOut LeaveOneGroupOut "
    "LeavePGroupsOut".split()
)
"""Classes of scikit-learn whose folds are independent of each other; those of time series are not."""

WRAPS = frozenset({"enumerate", "tqdm", "list", "tuple", "track"})
JOINS = frozenset({"cat", "concat", "concatenate", "hstack", "vstack", "stack"})

ALL_OTHERS = re.compile(r"!=|\[\s*(?::|$)|~")
"""Text without which rows are not named by those of one fold: `!= fold`, `rows[:low]`, `~held`."""

TELLS_APART = re.compile(rf"\b(?:{'|'.join(SPLITTERS)})\b|!=|~|\[:")
"""Text without which no rows are held out."""

Def = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class FoldLoop:
    """A loop over folds.

    Attributes:
        source: its file.
        node: the loop.
        body: where the rows are told apart: the loop's body, or that of a function that it calls.
        function: the name of this function; empty if it is the loop's own body.
        splitter: the class that makes the folds; empty if they are made by hand.
        trained: expressions that stand for the rows to train on, or for what is made of them.
        held_out: the same for the rows of this fold.
    """

    source: Source
    node: ast.For
    body: Sequence[ast.stmt]
    function: str
    splitter: str
    trained: frozenset[int]
    held_out: frozenset[int]


@dataclass(slots=True)
class Rows:
    """Nodes that stand for rows to train on, and for rows that are held out."""

    trained: list[ast.AST]
    held_out: list[ast.AST]


def fold_loops(source: Source, lines: Collection[int]) -> Iterator[FoldLoop]:
    """Those among the loops at some lines of a file."""
    if source.tree is None or not TELLS_APART.search(source.text):
        return
    loops = [s for s in statements(source.tree) if isinstance(s, ast.For) and s.lineno in lines]
    loops = [s for s in loops if not _ends_early(s.body)]
    given = _Given(source) if loops else None
    for node in loops:
        if given is not None and (splitter := given.splitter_of(node.iter)):
            rows = _named_by(node)
            if rows is not None:
                yield _loop(source, node, node.body, "", splitter, rows)
        else:
            yield from _by_hand(source, node)


def _loop(
    source: Source, node: ast.For, body: Sequence[ast.stmt], function: str, splitter: str, rows: Rows
) -> FoldLoop:
    return FoldLoop(
        source,
        node,
        body,
        function,
        splitter,
        _stands_for(body, rows.trained),
        _stands_for(body, rows.held_out),
    )


def _ends_early(body: Sequence[ast.stmt]) -> bool:
    """A turn may leave the loop or be left out, so that perhaps only one fold is used."""
    for node in body:
        match node:
            case ast.Break() | ast.Continue() | ast.Return():
                return True
            case ast.If() | ast.With() | ast.Try():
                parts = (node.body, getattr(node, "orelse", []), getattr(node, "finalbody", []))
                if any(map(_ends_early, parts)):
                    return True
            case _:
                pass
    return False


class _Given:
    """What names are assigned in a file."""

    def __init__(self, source: Source) -> None:
        self._uses_library = "sklearn" in source.text and any(name in source.text for name in SPLITTERS)
        self._values: dict[str, list[ast.expr]] = {}
        for node in walk(source.tree) if self._uses_library and source.tree is not None else ():
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    self._values.setdefault(dotted(target), []).append(node.value)

    def splitter_of(self, node: ast.expr, depth: int = 4) -> str:
        """The class of the splitter whose folds an expression hands out; empty if it is anything else."""
        if not self._uses_library or not depth:
            return ""
        match node:
            case ast.Call(func=ast.Attribute(value=owner, attr="split")):
                return self._class_of(owner)
            case ast.Call(func=function, args=[inner, *_]) if dotted(function).rpartition(".")[2] in WRAPS:
                return self.splitter_of(inner, depth - 1)
            case ast.Name() | ast.Attribute():
                found = {self.splitter_of(v, depth - 1) for v in self._values.get(dotted(node), ())}
                return found.pop() if len(found) == 1 else ""
            case _:
                return ""

    def _class_of(self, node: ast.expr) -> str:
        if isinstance(node, ast.Call):
            last = dotted(node.func).rpartition(".")[2]
            return last if last in SPLITTERS else ""
        values = self._values.get(dotted(node), ())
        found = {self._class_of(v) if isinstance(v, ast.Call) else "" for v in values}
        return found.pop() if len(found) == 1 else ""


def _named_by(node: ast.For) -> Rows | None:
    """`for fold, (train, test) in …`: the rows as they come."""
    target: ast.expr = node.target
    if isinstance(node.iter, ast.Call) and dotted(node.iter.func) == "enumerate":
        if not (isinstance(target, ast.Tuple) and len(target.elts) == 2):
            return None
        target = target.elts[1]
    match target:
        case ast.Tuple(elts=[train, test]) | ast.List(elts=[train, test]):
            return Rows([train], [test])
        case ast.Name(id=name):
            for line in node.body:
                match line:
                    case ast.Assign(targets=[ast.Tuple(elts=[train, test])], value=ast.Name(id=given)) if (
                        given == name
                    ):
                        return Rows([train], [test])
                    case _:
                        pass
            return None
        case _:
            return None


def _stands_for(body: Sequence[ast.stmt], seeds: Sequence[ast.AST]) -> frozenset[int]:
    """Nodes below that stand for these rows, or for what is computed from them."""
    marked = {id(n) for n in seeds}
    names = {dotted(n) for n in seeds if isinstance(n, ast.Name)}
    nodes = [n for s in body for n in walk(s)]
    pairs = [p for n in nodes for p in _given_names(n)]

    def holds(value: ast.AST) -> bool:
        return any(id(n) in marked or (isinstance(n, ast.Name) and n.id in names) for n in walk(value))

    before = -1
    while before != len(names):
        before = len(names)
        for target, value in pairs:
            if holds(value):
                names |= {n.id for n in walk(target) if isinstance(n, ast.Name)}
    return frozenset(marked | {id(n) for n in nodes if isinstance(n, ast.Name) and n.id in names})


def _given_names(node: ast.AST) -> Iterator[tuple[ast.expr, ast.expr]]:
    """What a statement gives names to; of two tuples, item by item."""
    match node:
        case ast.Assign(targets=[ast.Tuple(elts=[_, _] as names)], value=ast.Tuple(elts=[_, _] as values)):
            yield from zip(names, values, strict=True)
        case ast.Assign(targets=targets, value=value):
            yield from ((t, value) for t in targets)
        case ast.For(target=target, iter=value):
            yield target, value
        case _:
            pass


def _by_hand(source: Source, node: ast.For) -> Iterator[FoldLoop]:
    """Folds that the loop tells apart itself, or a function to which it gives the number of the fold."""
    counts = isinstance(node.iter, ast.Call) and dotted(node.iter.func) == "enumerate"
    match node.target:
        case ast.Name(id=number):
            part = ""
        case ast.Tuple(elts=[ast.Name(id=number), ast.Name(id=part)]) if counts:
            pass
        case _:
            return
    rows = _told_apart(node.body, number, part, node.iter) if _may_tell_apart(source, node) else None
    if rows is not None:
        yield _loop(source, node, node.body, "", "", rows)
        return
    for function, name in _given_to(source, node, number):
        rows = _told_apart(function.body, name, "", None) if _may_tell_apart(source, function) else None
        if rows is not None:
            yield _loop(source, node, function.body, function.name, "", rows)


def _given_to(source: Source, node: ast.For, number: str) -> Iterator[tuple[Def, str]]:
    """Functions that get the number of the fold, and what they call it."""
    calls = [n for s in node.body for n in walk(s) if isinstance(n, ast.Call) and _gets(n, number)]
    if not calls or source.tree is None:
        return
    functions = [s for s in statements(source.tree) if isinstance(s, Def)]
    for call in calls:
        last = dotted(call.func).rpartition(".")[2]
        called = [f for f in functions if f.name == last]
        if len(called) != 1:
            continue
        (function,) = called
        names = [a.arg for a in (*function.args.posonlyargs, *function.args.args)]
        names = names[names[:1] == ["self"] :]
        for name, value in (*zip(names, call.args, strict=False), *((k.arg, k.value) for k in call.keywords)):
            if name and isinstance(value, ast.Name) and value.id == number:
                yield function, name


def _gets(call: ast.Call, number: str) -> bool:
    given = (*call.args, *(k.value for k in call.keywords))
    return any(isinstance(value, ast.Name) and value.id == number for value in given)


def _may_tell_apart(source: Source, node: ast.For | Def) -> bool:
    """The lines hold what every way of naming all other rows has."""
    return any(map(ALL_OTHERS.search, source.lines[node.lineno - 1 : node.end_lineno]))


def _told_apart(body: Sequence[ast.stmt], number: str, part: str, over: ast.expr | None) -> Rows | None:
    """The rows of fold `number` and all others, if the lines say of both which they are."""
    nodes = [n for s in body for n in walk(s)]
    pieces = ast.unparse(over.args[0]) if part and isinstance(over, ast.Call) and over.args else ""
    for rows in (
        _by_comparison(nodes, number),
        _by_left_out(nodes, number, part, pieces),
        _by_cut(nodes, part),
        _by_mask(body, number),
    ):
        if rows.trained and rows.held_out:
            return rows
    return None


def _by_comparison(nodes: Sequence[ast.AST], number: str) -> Rows:
    """`fold_of != number` and `fold_of == number`."""
    rows = Rows([], [])
    texts: dict[str, list[tuple[bool, ast.AST]]] = {}
    for node in nodes:
        match node:
            case ast.Compare(
                left=left, ops=[ast.Eq() | ast.NotEq() as same], comparators=[ast.Name(id=name)]
            ) if name == number and not isinstance(left, ast.Constant):
                texts.setdefault(ast.unparse(left), []).append((isinstance(same, ast.Eq), node))
            case _:
                pass
    for found in texts.values():
        if len({is_equal for is_equal, _ in found}) == 2:
            rows.held_out += [n for is_equal, n in found if is_equal]
            rows.trained += [n for is_equal, n in found if not is_equal]
    return rows


def _by_left_out(nodes: Sequence[ast.AST], number: str, part: str, pieces: str) -> Rows:
    """`[p for j, p in enumerate(parts) if j != number]` and `parts[number]`."""
    rows = Rows([], [])
    for node in nodes:
        match node:
            case ast.ListComp(generators=[loop]) | ast.GeneratorExp(generators=[loop]) if any(
                _leaves_out(condition, number) for condition in loop.ifs
            ):
                texts = {ast.unparse(n.value) for n in walk(node) if isinstance(n, ast.Subscript)}
                texts |= {ast.unparse(a) for a in getattr(loop.iter, "args", ())}
                held = [n for n in nodes if _item_of(n, number) in texts]
                held += [n for n in nodes if pieces in texts and isinstance(n, ast.Name) and n.id == part]
                if held:
                    rows.trained.append(node)
                    rows.held_out += held
            case _:
                pass
    return rows


def _item_of(node: ast.AST, number: str) -> str | None:
    """What this is the item of, under the number of the fold."""
    match node:
        case ast.Subscript(value=owner, slice=ast.Name(id=name)) if name == number:
            return ast.unparse(owner)
        case _:
            return None


def _leaves_out(condition: ast.expr, number: str) -> bool:
    match condition:
        case ast.Compare(left=left, ops=[ast.NotEq()], comparators=[right]):
            return number in {dotted(left), dotted(right)}
        case _:
            return False


def _by_cut(nodes: Sequence[ast.AST], part: str) -> Rows:
    """`cat([x[:low], x[high:]])` and `x[low:high]`; `parts[:i] + parts[i + 1:]` and `parts[i]`."""
    rows = Rows([], [])
    for node in nodes:
        match node:
            case ast.BinOp(left=one, op=ast.Add(), right=other):
                ends = [one, other]
            case ast.Call(func=function, args=[ast.List(elts=ends) | ast.Tuple(elts=ends), *_]) if (
                dotted(function).rpartition(".")[2] in JOINS
            ):
                pass
            case _:
                continue
        match ends:
            case [
                ast.Subscript(value=first, slice=ast.Slice(lower=None, upper=low)),
                ast.Subscript(value=second, slice=ast.Slice(lower=high, upper=None)),
            ] if low is not None and high is not None and ast.unparse(first) == ast.unparse(second):
                wanted = {
                    f"{ast.unparse(first)}[{ast.unparse(low)}:{ast.unparse(high)}]",
                    f"{ast.unparse(first)}[{ast.unparse(low)}]",
                }
                held = [n for n in nodes if isinstance(n, ast.Subscript) and ast.unparse(n) in wanted]
                held += [n for n in nodes if part and isinstance(n, ast.Name) and n.id == part]
                if held:
                    rows.trained.append(node)
                    rows.held_out += held
            case _:
                pass
    return rows


def _by_mask(body: Sequence[ast.stmt], number: str) -> Rows:
    """`held = zeros(…)`, `held[order[number::k]] = True`, then `held` and `~held`."""
    rows = Rows([], [])
    nodes = [n for s in body for n in walk(s)]
    made = {
        dotted(s.targets[0])
        for s in body
        if isinstance(s, ast.Assign)
        and isinstance(s.value, ast.Call)
        and dotted(s.value.func).endswith("zeros")
    }
    depends = _depending_on(nodes, number)
    for line in body:
        match line:
            case ast.Assign(
                targets=[ast.Subscript(value=ast.Name(id=mask), slice=index)],
                value=ast.Constant(value=True | 1),
            ) if mask in made and any(isinstance(n, ast.Name) and n.id in depends for n in walk(index)):
                others = [n for n in nodes if isinstance(n, ast.UnaryOp) and isinstance(n.op, ast.Invert)]
                others = [n for n in others if dotted(n.operand) == mask]
                inside = {id(n.operand) for n in others}
                rows.trained += others
                rows.held_out += [
                    n
                    for n in nodes
                    if isinstance(n, ast.Name)
                    and n.id == mask
                    and isinstance(n.ctx, ast.Load)
                    and id(n) not in inside
                ]
            case _:
                pass
    return rows


def _depending_on(nodes: Sequence[ast.AST], number: str) -> frozenset[str]:
    """Names that are computed from the number of the fold."""
    found, before = {number}, 0
    while before != len(found):
        before = len(found)
        for node in nodes:
            if isinstance(node, ast.Assign) and any(
                isinstance(n, ast.Name) and n.id in found for n in walk(node.value)
            ):
                found |= {n.id for t in node.targets for n in walk(t) if isinstance(n, ast.Name)}
    return frozenset(found)
