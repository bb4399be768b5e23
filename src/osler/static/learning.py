"""What a statement learns of data to prepare them: a scaler, a scale by hand, codes of the values met."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from osler.static.fitting import CENTRES, ENDS, FITTED, SPREADS, axes, statistic_of
from osler.static.sources import dotted
from osler.static.walking import walk

ENCODERS = frozenset(
    "OneHotEncoder OrdinalEncoder LabelEncoder LabelBinarizer MultiLabelBinarizer TargetEncoder "
    "TfidfVectorizer CountVectorizer DictVectorizer TfidfTransformer".split()
)
PIPES = frozenset("Pipeline make_pipeline ColumnTransformer make_column_transformer".split())
CLASSES = FITTED | ENCODERS | PIPES
"""Classes of scikit-learn whose objects learn from the data how to transform them."""

LEARNS = re.compile(
    r"\.fit(_transform)?\(|return_inverse|factorize\(|\.codes\b|\{[^{}]*\benumerate\(|setdefault\("
    r"|\] = len\(|\b(std|nanstd|var)\(|\.min\("
)
"""Text without which nothing is learned."""

DISTINCT = frozenset("set unique Counter fromkeys most_common".split())
LABEL = re.compile(r"(^|[_.])(y|ys|label|labels|lbl|target|targets|tag|tags|class|classes|intent)(?![a-z])")

UNSORTED = re.compile(r"^(list\()?(set\(|\{)|Counter|fromkeys|most_common")
"""Values whose order is another one in each part, even if the values are the same."""


@dataclass(frozen=True, slots=True)
class Learned:
    """Something that is learned of data and applied to them.

    Attributes:
        by: the class that is fitted, the function, or what is computed.
        kind: ``class``, ``scale`` or ``codes``.
        data: the data it is learned of.
        node: where.
        into: names that get the outcome.
        is_slight: the parts hardly differ in it as a rule: one number of everything, classes in their order.
    """

    by: str
    kind: str
    data: ast.expr
    node: ast.expr | ast.stmt
    into: tuple[str, ...] = ()
    is_slight: bool = False


@dataclass(slots=True)
class Knowledge:
    """What names stand for at a line of a function.

    Attributes:
        objects: those that can be fitted, with the name of their class.
        fits: what such an object has been fitted on without a transform so far.
        numbers: statistics by name: of which data, which, and whether it is a single number.
        centred: data from which their own mean was taken away, and whether that was a single number.
        distinct: values of which each is there once, with where they come from.
        empty: dicts that were made here and hold nothing that was learned.
    """

    objects: dict[str, str] = field(default_factory=dict[str, str])
    fits: dict[str, Learned] = field(default_factory=dict[str, Learned])
    numbers: dict[str, tuple[str, str, bool]] = field(default_factory=dict[str, tuple[str, str, bool]])
    centred: dict[str, bool] = field(default_factory=dict[str, bool])
    distinct: set[str] = field(default_factory=set[str])
    empty: set[str] = field(default_factory=set[str])


def learned(known: Knowledge, targets: tuple[str, ...], value: ast.expr) -> Iterator[Learned]:
    """What the right side of a statement learns."""
    for node in walk(value):
        match node:
            case ast.Call(func=ast.Attribute(attr="fit_transform" | "fit" | "transform"), args=[_, *_]):
                yield from _fitted(known, node, targets)
            case ast.Call() | ast.Attribute(attr="codes") | ast.DictComp():
                yield from _coded(known, node, targets)
            case _:
                pass
    if len(targets) <= 1:
        yield from _scaled(known, "".join(targets), value)


def note(known: Knowledge, target: str, value: ast.expr) -> None:
    """Remember what a name stands for from here on."""
    for names in (known.objects, known.numbers):
        names.pop(target, None)
    known.distinct.discard(target)
    known.empty.discard(target)
    match value:
        case ast.Dict():
            known.empty.add(target)
        case ast.Call(func=function):
            last = dotted(function).rpartition(".")[2]
            if last in CLASSES:
                known.objects[target] = last
            if last in {"dict", "OrderedDict", "defaultdict"}:
                known.empty.add(target)
            if (data := statistic_of(value)) and isinstance(function, ast.Attribute):
                known.numbers[target] = (data, function.attr, not axes(value))
        case ast.BinOp(left=ast.Call() as left, op=ast.Add(), right=ast.Constant()):
            note(known, target, left)
            return
        case _:
            pass
    if is_distinct(known, value):
        known.distinct.add(target)


def is_distinct(known: Knowledge, value: ast.expr) -> bool:
    """Of each value there is one."""
    for node in walk(value):
        match node:
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if name in DISTINCT:
                return True
            case ast.SetComp():
                return True
            case ast.Name() | ast.Attribute() if dotted(node) in known.distinct:
                return True
            case _:
                pass
    return False


def _fitted(known: Knowledge, call: ast.Call, targets: tuple[str, ...]) -> Iterator[Learned]:
    """`fit_transform`, or `fit` with a `transform` of the same data."""
    function = call.func
    if not isinstance(function, ast.Attribute):
        return
    owner, data = dotted(function.value), call.args[0]
    if function.attr == "transform":
        inner = function.value
        before = known.fits.get(owner)
        if isinstance(inner, ast.Call) and isinstance(inner.func, ast.Attribute) and inner.func.attr == "fit":
            made = _made(known, inner.func.value)
            before = Learned(made, "class", inner.args[0], inner) if made and inner.args else None
        if before is not None and ast.unparse(before.data) == ast.unparse(data):
            yield replace(before, into=targets)
        return
    made = _made(known, function.value)
    if not made:
        return
    is_slight = made in {"LabelEncoder", "LabelBinarizer"} and is_label(data)
    found = Learned(made, "class", data, call, targets, is_slight)
    known.fits.pop(owner, None)
    if function.attr == "fit_transform":
        yield found
    elif owner:
        known.fits[owner] = found
    elif targets:  # the fitted object gets a name
        known.fits[targets[0]] = found


def _made(known: Knowledge, owner: ast.expr) -> str:
    if isinstance(owner, ast.Call):
        last = dotted(owner.func).rpartition(".")[2]
        return last if last in CLASSES else ""
    return known.objects.get(dotted(owner), "")


def is_label(data: ast.expr) -> bool:
    """The data are called as targets are: the classes are then the same in both parts, as a rule."""
    texts = (
        n.id
        if isinstance(n, ast.Name)
        else n.attr
        if isinstance(n, ast.Attribute)
        else n.value
        if isinstance(n, ast.Constant) and isinstance(n.value, str)
        else ""
        for n in walk(data)
    )
    return any(LABEL.search(text.lower()) for text in texts)


def _coded(known: Knowledge, node: ast.AST, targets: tuple[str, ...]) -> Iterator[Learned]:
    """Numbers for the values that are met, in the order of this part of the data."""
    options = {k.arg: k.value for k in node.keywords} if isinstance(node, ast.Call) else {}
    match node:
        case ast.Call(func=ast.Attribute(value=owner, attr="unique"), args=args) if (
            "return_inverse" in options and "return_counts" not in options
        ):
            is_function = dotted(owner) in {"np", "numpy", "torch"}
            if not is_function or args:
                data, by = (args[0], f"{dotted(owner)}.unique") if is_function else (owner, "unique")
                yield Learned(by, "codes", data, node, targets[1:2] or targets, is_label(data))
        case ast.Call(func=ast.Attribute(value=owner, attr="factorize"), args=args):
            is_function = dotted(owner) in {"pd", "pandas"}
            if not is_function or args:
                yield Learned("factorize", "codes", args[0] if is_function else owner, node, targets[:1])
        case ast.Attribute(value=ast.Attribute(value=made, attr="cat"), attr="codes"):
            match made:
                case ast.Call(
                    func=ast.Attribute(value=data, attr="astype"), args=[ast.Constant(value="category")]
                ):
                    yield Learned("cat.codes", "codes", data, node, targets, is_label(data))
                case _:
                    pass
        case ast.Attribute(value=ast.Call(func=function, args=[data], keywords=[]), attr="codes"):
            if dotted(function).rpartition(".")[2] == "Categorical":
                yield Learned("Categorical", "codes", data, node, targets, is_label(data))
        case (
            ast.DictComp(
                key=ast.Name(id=key),
                generators=[
                    ast.comprehension(
                        target=ast.Tuple(elts=[ast.Name(id=number), ast.Name(id=word)]),
                        iter=ast.Call(func=ast.Name(id="enumerate"), args=[data, *_]),
                    )
                ],
            ) as mapping
        ) if (
            key == word
            and any(isinstance(n, ast.Name) and n.id == number for n in walk(mapping.value))
            and is_distinct(known, data)
        ):
            is_slight = is_label(data) and not UNSORTED.search(ast.unparse(data))
            yield Learned("the dict", "codes", data, mapping, targets, is_slight)
        case ast.Call(func=ast.Attribute(value=owner, attr="setdefault"), args=[word, number]):
            if dotted(owner) in known.empty and _counts(number, owner):
                yield Learned("the dict", "codes", word, node, (dotted(owner), *targets))
        case _:
            return


def _counts(number: ast.expr, owner: ast.expr) -> bool:
    """`len(vocab)`: the next number."""
    return ast.unparse(number).startswith(f"len({ast.unparse(owner)})")


def added(known: Knowledge, target: ast.expr, value: ast.expr) -> Iterator[Learned]:
    """`vocab[word] = len(vocab)`."""
    if not isinstance(target, ast.Subscript) or dotted(target.value) not in known.empty:
        return
    if _counts(value, target.value):
        yield Learned("the dict", "codes", target.slice, target, (dotted(target.value),))


def _scaled(known: Knowledge, target: str, value: ast.expr) -> Iterator[Learned]:
    """`x = (x - x.mean(0)) / x.std(0)`, at once or step by step."""
    kinds: dict[str, set[str]] = {}
    single = True
    inner: set[ast.AST] = set()
    for node in walk(value):
        seen = known.numbers.get(dotted(node)) if isinstance(node, ast.Name | ast.Attribute) else None
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and (data := statistic_of(node))
        ):
            seen = (data, node.func.attr, not axes(node))
            inner |= set(walk(node))
        if seen is not None:
            kinds.setdefault(seen[0], set()).add(seen[1])
            single &= seen[2]
    if len(kinds) != 1 or not any(isinstance(n, ast.BinOp) for n in walk(value)):
        return
    ((data, seen_kinds),) = kinds.items()
    if data not in {dotted(n) for n in walk(value) if n not in inner}:
        return
    middle, spread = bool(seen_kinds & CENTRES), bool(seen_kinds & SPREADS)
    by = "mean and deviation" if spread else "range"
    if (middle and spread) or seen_kinds >= ENDS:
        yield Learned(by, "scale", ast.parse(data, mode="eval").body, value, (target,), single)
    elif middle:
        known.centred[target] = single
    elif spread and data in known.centred:
        is_slight = single and known.centred[data]
        yield Learned(by, "scale", ast.parse(data, mode="eval").body, value, (target,), is_slight)
