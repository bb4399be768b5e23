"""Statistics that are computed from data before the data are split."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from osler.model import FitFact, Place
from osler.static.regions import statements
from osler.static.sources import Source, dotted
from osler.static.walking import walk

FITTED = frozenset(
    "StandardScaler MinMaxScaler MaxAbsScaler RobustScaler QuantileTransformer PowerTransformer PCA "
    "TruncatedSVD SimpleImputer KNNImputer IterativeImputer SelectKBest VarianceThreshold "
    "KBinsDiscretizer".split()
)
"""Classes of scikit-learn that learn something from the samples they are fitted on."""

CENTRES = frozenset("mean nanmean average median".split())
SPREADS = frozenset("std nanstd var".split())
ENDS = frozenset({"min", "max"})
SPLITS = frozenset({"train_test_split", "random_split"})
TRAIN = re.compile(r"(^|[_.])(tr|trn|train|training)(_|\d|$)|train", re.IGNORECASE)
HELD_OUT = re.compile(r"(^|[_.])(te|tst|val|valid|validation|dev|test)(_|\d|$)|test|valid", re.IGNORECASE)
COLUMNS = re.compile(r"col|feat|numer|field|names", re.IGNORECASE)
SAME = frozenset({"reshape", "to_numpy", "astype", "float", "copy"})
LIBRARIES = frozenset({"np", "numpy", "torch"})
STATISTIC = re.compile(rf"\b(?:{'|'.join(CENTRES | SPREADS | ENDS)})\b")
FITS = re.compile(rf"\b(?:{'|'.join(FITTED)})\b|\.\s*{STATISTIC.pattern}\s*\(")
"""Text without which nothing is fitted."""

COUNTED = frozenset({"shape", "size", "columns", "index", "dtype", "ndim"})


@dataclass(slots=True)
class Fit:
    """Statistics of all of some data: what made them, of what, where."""

    by: str
    data: str
    place: Place
    is_one_number: bool = False


@dataclass(slots=True)
class Ledger:
    """What names stand for while the statements of one function are gone through.

    Attributes:
        source: the file.
        function: the function.
        lines: those with the name of a statistic.
        scalers: objects that can be fitted, with the name of their class.
        fits: what those objects, or numbers such as a mean, were fitted on.
        scaled: data that were transformed by a fit.
        whole: data that were split, with the line that did it.
        outcome: what those splits gave names to, and the last line of the loop over folds.
        body: statements of the function.
        pieces: first parts that were cut off for training, by where they end.
        parts: what a split returned.
        reused: fits that were later applied to other data.
    """

    source: Source
    function: str
    lines: frozenset[int] = frozenset()
    scalers: dict[str, str] = field(default_factory=dict[str, str])
    fits: dict[str, Fit] = field(default_factory=dict[str, Fit])
    scaled: dict[str, Fit] = field(default_factory=dict[str, Fit])
    whole: dict[str, Place] = field(default_factory=dict[str, Place])
    outcome: dict[str, tuple[frozenset[str], int]] = field(
        default_factory=dict[str, tuple[frozenset[str], int]]
    )
    body: Sequence[ast.stmt] = ()
    pieces: dict[str, Fit] = field(default_factory=dict[str, Fit])
    parts: set[str] = field(default_factory=set[str])
    reused: set[int] = field(default_factory=set[int])
    found: list[tuple[Fit, Place]] = field(default_factory=list[tuple[Fit, Place]])

    def place(self, node: ast.AST) -> Place:
        """The line of a node."""
        line = getattr(node, "lineno", 0)
        return Place(self.source.file, line, self.function, span=self.source.span(node))


def fits_before_splits(source: Source) -> Iterator[FitFact]:
    """Fits on data that are split, before or after."""
    if not any(word in source.text for word in (*SPLITS, "sklearn", "train")):
        return
    if not FITS.search(source.text) or source.tree is None:
        return
    numbered = enumerate(source.text.split("\n"), start=1)
    lines = frozenset(number for number, line in numbered if STATISTIC.search(line))
    functions = (s for s in statements(source.tree) if isinstance(s, ast.FunctionDef | ast.AsyncFunctionDef))
    for owner in (source.tree, *functions):
        name = "" if isinstance(owner, ast.Module) else owner.name
        ledger = Ledger(source, name, lines, body=owner.body)
        _follow(ledger, owner.body)
        for fit, split in ledger.found:
            if id(fit) not in ledger.reused:
                yield FitFact(fit.by, fit.data, fit.place, split, fit.is_one_number)


def _follow(ledger: Ledger, body: list[ast.stmt]) -> None:
    for statement in body:
        match statement:
            case ast.Assign(targets=[target], value=value):
                _assign(ledger, target, value)
            case ast.AugAssign(target=target, value=value):
                computed = ast.copy_location(ast.BinOp(target, statement.op, value), statement)
                _scale(ledger, dotted(target), computed)
            case ast.Expr(value=ast.Call() as call) | ast.Return(value=ast.Call() as call):
                _call(ledger, call)
            case ast.Return(value=ast.Tuple(elts=values)):
                for value in values:
                    if isinstance(value, ast.Call):
                        _call(ledger, value)
            case ast.For(iter=ast.Call() as call, target=ast.Tuple(elts=[_, _])):
                if folds := _folds(call):
                    _split(ledger, folds)
                    _name_parts(ledger, folds, statement.target, statement.end_lineno or 0)
                _follow(ledger, statement.body)
            case ast.If(body=one, orelse=other):
                _follow_either(ledger, one, other)
            case ast.For() | ast.While() | ast.With() | ast.Try():
                _follow(ledger, statement.body)
                if not isinstance(statement, ast.With):
                    _follow(ledger, statement.orelse)
            case _:
                pass


def _follow_either(ledger: Ledger, one: list[ast.stmt], other: list[ast.stmt]) -> None:
    """Two ways, of which the second knows nothing of the first; behind them both may be true."""
    known = (ledger.scalers, ledger.fits, ledger.scaled, ledger.whole, ledger.pieces)
    before = [dict(names) for names in known]
    _follow(ledger, one)
    first = [dict(names) for names in known]
    for names, old in zip(known, before, strict=True):
        names.clear()
        names |= old
    _follow(ledger, other)
    for names, more in zip(known, first, strict=True):
        names |= more


def _folds(call: ast.Call) -> ast.Call | None:
    """`folds.split(x)`, perhaps counted."""
    match call:
        case ast.Call(func=ast.Name(id="enumerate"), args=[ast.Call() as inner, *_]):
            return _folds(inner)
        case ast.Call(func=ast.Attribute(value=owner, attr="split")) if dotted(owner) not in {"torch", "np"}:
            return call
        case _:
            return None


def _assign(ledger: Ledger, target: ast.expr, value: ast.expr) -> None:
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
        for one, other in zip(target.elts, value.elts, strict=True):
            _assign(ledger, one, other)
        return
    targets = target.elts if isinstance(target, ast.Tuple) else [target]
    names = [dotted(t) for t in targets if dotted(t)]
    fit = _call(ledger, value) if isinstance(value, ast.Call) else None
    fit = fit or _piece(ledger, names, value) or _behind(ledger, value)
    splits = isinstance(value, ast.Call) and dotted(value.func).rpartition(".")[2] in SPLITS
    for name in names:
        for known in (ledger.scalers, ledger.scaled, ledger.whole, ledger.fits):
            known.pop(name, None)
        if made := _made(value):
            ledger.scalers[name] = made
    ledger.parts |= set(names) if splits else set()
    if splits and isinstance(value, ast.Call):
        _name_parts(ledger, value, target)
    columns = [dotted(t.value) for t in targets if isinstance(t, ast.Subscript)]
    for name in (*names, *filter(None, columns)):
        if fit is not None:
            ledger.scaled[name] = fit
    if len(names) == 1:
        _scale(ledger, names[0], value)


def _made(value: ast.expr) -> str:
    """The class of scikit-learn of which this builds an object."""
    if not isinstance(value, ast.Call):
        return ""
    last = dotted(value.func).rpartition(".")[2]
    return last if last in FITTED else ""


def _call(ledger: Ledger, call: ast.Call) -> Fit | None:
    """What a call fits, transforms or splits; the fit that its result went through."""
    if dotted(call.func).rpartition(".")[2] in SPLITS:
        return _split(ledger, call)
    match call.func:
        case ast.Attribute(value=scaler, attr="fit" | "fit_transform" | "transform" as name) if call.args:
            owner, data = dotted(scaler), whole(call.args[0])
            made = ledger.scalers.get(owner) or _made(scaler)
            if not made:
                return None
            if name == "transform":
                return _transform(ledger, owner, data)
            if not data or TRAIN.search(data):
                ledger.fits.pop(owner, None)
                return None
            fit = ledger.fits[owner] = Fit(made, data, ledger.place(call))
            if data in ledger.whole and _is_split_later(ledger, data, call.lineno):
                ledger.found.append((fit, ledger.whole[data]))
            return fit if name == "fit_transform" else None
        case _:
            return None


def _transform(ledger: Ledger, owner: str, data: str) -> Fit | None:
    """The fit behind transformed data; applied to held-out data of another origin, it is all right."""
    fit = ledger.fits.get(owner)
    if fit is not None and HELD_OUT.search(data) and data not in {*ledger.parts, *ledger.scaled}:
        ledger.reused.add(id(fit))
        return None
    return None if fit is not None and data not in {"", fit.data} else fit


def _split(ledger: Ledger, call: ast.Call) -> Fit | None:
    for argument in call.args:
        for fit in [_behind(ledger, argument)]:
            if fit is not None:
                ledger.found.append((fit, ledger.place(call)))
        if name := whole(argument):
            ledger.whole[name] = ledger.place(call)
    return None


def _name_parts(ledger: Ledger, call: ast.Call, target: ast.AST, end: int = 0) -> None:
    names = frozenset(n.id for n in walk(target) if isinstance(n, ast.Name))
    for argument in call.args:
        if name := whole(argument):
            ledger.outcome[name] = (names, end)


def _is_split_later(ledger: Ledger, data: str, line: int) -> bool:
    """The parts of the split are used behind this line: else all data are wanted, as for a last model."""
    names, end = ledger.outcome.get(data, (None, 0))
    if names is None or line <= end:
        return True
    nodes = (n for s in ledger.body if (s.end_lineno or 0) >= line for n in walk(s))
    return any(
        isinstance(n, ast.Name) and n.id in names and isinstance(n.ctx, ast.Load) and n.lineno >= line
        for n in nodes
    )


def _piece(ledger: Ledger, names: list[str], value: ast.expr) -> Fit | None:
    """The first or the last part of scaled data, cut off by a bound, for training or to be held out."""
    for part in walk(value) if ledger.scaled else ():
        match part:
            case ast.Subscript(value=data, slice=ast.Slice() | ast.Tuple(elts=[ast.Slice(), *_]) as index):
                rows = index.elts[0] if isinstance(index, ast.Tuple) else index
                fit = _behind(ledger, data)
                if fit is not None and isinstance(rows, ast.Slice) and names:
                    _cut(ledger, names[0], rows, fit, ledger.place(value))
                    return None
            case _:
                pass
    return None


def _cut(ledger: Ledger, name: str, rows: ast.Slice, fit: Fit, place: Place) -> None:
    bound = rows.upper if rows.lower is None else rows.lower
    if bound is None:
        return
    text = ast.unparse(bound)
    if rows.lower is None and TRAIN.search(name):
        ledger.pieces[text] = fit
    elif HELD_OUT.search(name) and any(first in text and fit is f for first, f in ledger.pieces.items()):
        ledger.found.append((fit, place))


def _behind(ledger: Ledger, value: ast.expr) -> Fit | None:
    """The fit that the data in an expression went through."""
    for part in _data_in(value) if ledger.scaled else ():
        if (name := dotted(part)) in ledger.scaled:
            return ledger.scaled[name]
    return None


def _data_in(node: ast.expr) -> Iterator[ast.expr]:
    """Names in an expression that are not only asked for their size."""
    match node:
        case ast.Call(func=ast.Name(id="len" | "range" | "print")):
            return
        case ast.Attribute(attr=attr) if attr in COUNTED:
            return
        case ast.Name() | ast.Attribute():
            yield node
            if isinstance(node, ast.Attribute):
                yield from _data_in(node.value)
        case ast.Subscript():
            yield from _data_in(node.value)
        case _:
            for child in ast.iter_child_nodes(node):
                if isinstance(child, ast.expr):
                    yield from _data_in(child)


def _scale(ledger: Ledger, name: str, value: ast.expr) -> None:
    """`x = (x - x.mean()) / x.std()`, at once or step by step."""
    lines = range(value.lineno, (value.end_lineno or value.lineno) + 1)
    if not name or not (ledger.fits or any(line in ledger.lines for line in lines)):
        return
    kinds: dict[str, set[str]] = {}
    by_axis: set[str] = set()
    inner: set[ast.AST] = set()
    for part in walk(value):
        if isinstance(part, ast.Call) and (data := statistic_of(part)):
            kinds.setdefault(data, set()).add(_last(part))
            by_axis |= {data} if axes(part) else set()
            inner |= set(walk(part))
        fit = ledger.fits.get(dotted(part))
        if fit is not None and fit.by in CENTRES | SPREADS | ENDS:
            kinds.setdefault(fit.data, set()).add(fit.by)
            by_axis |= set() if fit.is_one_number else {fit.data}
    if not kinds:
        return
    if isinstance(value, ast.Call) and statistic_of(value):
        single = not axes(value)
        ledger.fits[name] = Fit(_last(value), statistic_of(value), ledger.place(value), single)
    outside = {dotted(p) for p in walk(value) if p not in inner}
    for data, seen in kinds.items():
        centred = seen & (CENTRES | SPREADS) or seen >= ENDS
        if isinstance(value, ast.BinOp) and centred and data in outside and not TRAIN.search(data):
            words = "mean and deviation" if seen & SPREADS else "mean" if seen & CENTRES else "range"
            single = data not in by_axis and words != "range"
            fit = Fit(words, data, ledger.place(value), single)
            ledger.scaled[name] = fit


def _last(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else ""


def statistic_of(call: ast.Call) -> str:
    """The data of which a call computes a statistic over the samples; empty if it is another call."""
    if _last(call) not in CENTRES | SPREADS | ENDS or not isinstance(call.func, ast.Attribute):
        return ""
    owner = call.func.value
    if dotted(owner) in LIBRARIES:
        owner = call.args[0] if call.args else call
    return whole(owner) if all(_spans_samples(a) for a in axes(call)) else ""


def axes(call: ast.Call) -> list[ast.expr]:
    """What a call that computes a statistic says of axes; nothing if it computes one number of everything."""
    over = [k.value for k in call.keywords if k.arg in {"axis", "dim"}]
    is_function = isinstance(call.func, ast.Attribute) and dotted(call.func.value) in LIBRARIES
    return [*over, *call.args[is_function : is_function + 1]]


def _spans_samples(axis: ast.expr) -> bool:
    match axis:
        case ast.Constant(value=0 | None):
            return True
        case ast.Tuple(elts=[ast.Constant(value=0), *_]):
            return True
        case _:
            return False


def whole(node: ast.expr) -> str:
    """The name of data of which all samples are meant; empty if it may be a part of them."""
    match node:
        case ast.Name():
            return node.id
        case ast.Attribute(value=inner, attr="values"):
            return whole(inner)
        case ast.Attribute():
            return dotted(node)
        case ast.Call(func=ast.Attribute(value=inner, attr=attr)) if attr in SAME:
            return whole(inner)
        case ast.Subscript(value=inner, slice=ast.Constant(value=str()) | ast.List()):
            return whole(inner)
        case ast.Subscript(value=inner, slice=ast.Name(id=name)) if COLUMNS.search(name):
            return whole(inner)
        case ast.Subscript(value=inner, slice=ast.Tuple(elts=[ast.Slice(lower=None, upper=None), *_])):
            return whole(inner)
        case _:
            return ""
