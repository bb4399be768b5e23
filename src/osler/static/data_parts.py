"""Which part of the data an expression means, training or held out, and what is left of its name besides."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from enum import Enum

from osler.static.sources import dotted
from osler.static.walking import walk


class Part(Enum):
    """What data are for."""

    TRAIN = "training"
    HELD_OUT = "held out"


WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
KINDS = "(?:sets?|data|dataset|df|rows|x|y|idx)?"
TRAIN = re.compile(rf"([xy]?)(?:train|training|tr|trn){KINDS}")
HELD_OUT = re.compile(
    rf"([xy]?)(?:test|testing|te|tst|val|va|valid|validation|dev|holdout|heldout|held){KINDS}"
)
LONGEST = 60
"""Letters of a text that may be the name of a part."""

OPPOSITE = {Part.TRAIN: Part.HELD_OUT, Part.HELD_OUT: Part.TRAIN}

Known = Mapping[str, tuple[Part | None, str]]
"""Names that stand for a part, or for none, whatever they are called; what the parts of a split share."""


def part_of(node: ast.expr, known: Known) -> Part | None:
    """The part, if all of an expression means one and the same."""
    return described(node, known)[0]


def described(node: ast.expr, known: Known) -> tuple[Part | None, str]:
    """The part, and the rest of the expression: equal for `x_train` and `x_test`."""
    parts: set[Part] = set()
    rest: list[str] = []
    for text in _texts(node, known):
        match text:
            case Part():
                parts.add(text)
            case str():
                rest.append(text)
    if not parts:
        slices = list(_sliced(node))
        if len({part for part, _, _ in slices}) == 1 and _is_only_sliced(node, slices[0][2]):
            return slices[0][:2]
    return (next(iter(parts)) if len(parts) == 1 else None), " ".join(rest)


def is_mixed(node: ast.expr, known: Known) -> bool:
    """Both parts are in it, as where one is given something of the other."""
    return {Part.TRAIN, Part.HELD_OUT} <= set(_texts(node, known))


def named(name: str) -> Part | None:
    """The part that a name says."""
    parts = {word for word in _words(name) if isinstance(word, Part)}
    return parts.pop() if len(parts) == 1 else None


def _texts(node: ast.expr, known: Known) -> Iterator[Part | str]:
    methods = {id(n.func) for n in walk(node) if isinstance(n, ast.Call)}
    for below in walk(node):
        match below:
            case ast.Name(id=name) if name in known:
                yield from (text for text in known[name] if text is not None)
            case ast.Name(id=text):
                yield from _words(text)
            case ast.Attribute(attr=text) if id(below) not in methods:
                yield from _words(text)
            case ast.Constant(value=str(text)) if len(text) <= LONGEST:
                yield from _words(text)
            case ast.keyword(arg=str(name), value=ast.Constant(value=bool(is_so))):
                part = named(name.removeprefix("is_"))
                if part is not None:
                    yield part if is_so else OPPOSITE[part]
            case _:
                pass


def _words(text: str) -> Iterator[Part | str]:
    for word in WORD.findall(text):
        lower = word.lower()
        train, held = TRAIN.fullmatch(lower), HELD_OUT.fullmatch(lower)
        if found := train or held:
            yield Part.TRAIN if train else Part.HELD_OUT
            if found[1]:
                yield found[1]
        else:
            yield lower


def _is_only_sliced(node: ast.expr, base: str) -> bool:
    """All of the data is not in the expression besides."""
    names = [n for n in walk(node) if isinstance(n, ast.Name | ast.Attribute) and ast.unparse(n) == base]
    cut = [n for n in walk(node) if isinstance(n, ast.Subscript) and ast.unparse(n.value) == base]
    return len(names) == len(cut)


def _sliced(node: ast.expr) -> Iterator[tuple[Part, str, str]]:
    """`x[:n]` is for training and `x[n:]` held out, if both are cut at the same bound."""
    for below in walk(node):
        if isinstance(below, ast.Subscript):
            index = below.slice.elts[0] if isinstance(below.slice, ast.Tuple) else below.slice
            base = ast.unparse(below.value)
            match index:
                case ast.Slice(lower=None, upper=ast.expr() as bound, step=None):
                    yield Part.TRAIN, f"{base} {ast.unparse(bound)}", base
                case ast.Slice(lower=ast.expr() as bound, upper=None, step=None):
                    yield Part.HELD_OUT, f"{base} {ast.unparse(bound)}", base
                case _:
                    pass


def split_names(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, Part, str]]:
    """Names that get the parts of a split, by their order."""
    if not (isinstance(target, ast.Tuple) and isinstance(value, ast.Call)):
        return
    names = [dotted(t) for t in target.elts]
    function = value.func
    match function.attr if isinstance(function, ast.Attribute) else dotted(function):
        case "train_test_split":
            for place, name in enumerate(names):
                yield name, (Part.HELD_OUT if place % 2 else Part.TRAIN), f"split {value.lineno} {place // 2}"
        case "random_split":
            for place, name in enumerate(names):
                yield name, (Part.HELD_OUT if place else Part.TRAIN), f"split {value.lineno}"
        case "split" if len(names) == 2 and dotted(function).partition(".")[0] not in {"np", "torch"}:
            yield names[0], Part.TRAIN, "fold"
            yield names[1], Part.HELD_OUT, "fold"
        case _:
            return
