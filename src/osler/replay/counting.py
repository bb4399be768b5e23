"""How many turns a `for` makes: read from its header and from values at hand, without calling anything."""

from __future__ import annotations

import ast
import gc
import inspect
import linecache
import math
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from math import inf, prod
from types import FrameType, GeneratorType, MappingProxyType
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Sampler

from osler.runtime.variables import variables_of

Loop = ast.For | ast.While
Number = int | float

COUNTERS = ("enumerate", "range", "count")
"""Functions that count turns."""

WRAPPERS = ("enumerate", "tqdm", "track", "reversed", "sorted", "list", "tuple", "iter")
"""Functions that hand on what they are given, item by item."""

VIEWS = ("tolist", "numpy", "cpu", "long", "unbind", "items", "keys", "values")
"""Methods whose result has as many items as their object."""

ORDERS = ("randperm", "permutation", "arange")
"""Functions that return so many numbers."""

PURE: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {"int": int, "min": min, "max": max, "abs": abs, "round": round, "ceil": math.ceil, "floor": math.floor}
)
"""Functions of numbers that are computed once more."""

OPERATORS: Mapping[type[ast.operator], Callable[[Any, Any], Number]] = MappingProxyType(
    {
        ast.Add: lambda a, b: a + b,
        ast.Sub: lambda a, b: a - b,
        ast.Mult: lambda a, b: a * b,
        ast.Div: lambda a, b: a / b,
        ast.FloorDiv: lambda a, b: a // b,
        ast.Mod: lambda a, b: a % b,
    }
)

KNOWN_SIZES = (list, tuple, dict, set, frozenset, str, bytes, range, deque)


def turns_in(loop: ast.For, frame: FrameType) -> int:
    """How many turns a `for` of a function under way makes in all; -1 if it is not known."""
    try:
        known = [n for n in (count(loop.iter, frame), left_at(loop, frame)) if n is not None]
    except (TypeError, ValueError, ArithmeticError):
        return -1
    found = min(known, default=inf)
    return -1 if found == inf else max(0, math.ceil(found))


def left_at(loop: ast.For, frame: FrameType) -> Number | None:
    """The count at which a `for` that counts its turns is left by a `break`; None if it is not."""
    first = loop.target.elts[0] if isinstance(loop.target, ast.Tuple) else loop.target
    is_count = isinstance(loop.iter, ast.Call) and spelled(loop.iter.func) in COUNTERS
    if not is_count or not isinstance(first, ast.Name):
        return None
    limits = [limit_of(node, first.id, frame) for part in loop.body for node in ast.walk(part)]
    return min((n for n in limits if n is not None), default=None)


def limit_of(node: ast.AST, counter: str, frame: FrameType) -> Number | None:
    """The number at which an `if` leaves the loop."""
    match node:
        case ast.If(ast.Compare(counted, [ast.Eq() | ast.GtE() | ast.Gt()], [limit]), body) if any(
            isinstance(part, ast.Break | ast.Return) for part in body
        ):
            names = {n.id for n in ast.walk(counted) if isinstance(n, ast.Name)}
            simple = isinstance(counted, ast.Name) or (
                isinstance(counted, ast.BinOp) and isinstance(counted.op, ast.Add)
            )
            return number(limit, frame) if simple and counter in names else None
        case _:
            return None


def count(items: ast.expr, frame: FrameType) -> Number | None:
    """How many items a `for` goes over; None if it is not known."""
    if isinstance(items, ast.Call):
        return count_of_call(items, frame)
    value = value_of(items, frame)
    if isinstance(value, GeneratorType):
        return yields(value)  # pyright: ignore[reportUnknownArgumentType]
    return size(value) if size(value) is not None else behind(lambda owner: owner is value)


def count_of_call(call: ast.Call, frame: FrameType) -> Number | None:  # noqa: PLR0911
    """The same of what a call returns."""
    name, given = spelled(call.func), call.args
    if name in ("range", "trange"):
        numbers = [number(a, frame) for a in given]
        return None if None in numbers else len(range(*(int(n) for n in numbers if n is not None)))
    if name == "zip":
        known = [n for a in given if (n := count(a, frame)) is not None]
        return min(known, default=None)
    if name == "islice" and len(given) == len(("items", "stop")):
        known = [n for n in (count(given[0], frame), number(given[1], frame)) if n is not None]
        return min(known, default=None)
    if name in ("split", "chunk"):
        return parts(call, name, frame)
    if name in VIEWS and isinstance(call.func, ast.Attribute):
        return count(call.func.value, frame)
    if name in ORDERS and len(given) == 1:
        asked = number(given[0], frame)
        return asked if asked is not None else count(given[0], frame)
    if name in WRAPPERS or (given and isinstance(given[0], ast.Call) and spelled(given[0].func) == "range"):
        return count(given[0], frame) if given else None
    return behind(lambda owner: type(owner).__name__ == name, name)


def parts(call: ast.Call, name: str, frame: FrameType) -> Number | None:
    """Into how many parts a tensor is cut along its first axis."""
    whole, given = (call.func.value, call.args) if isinstance(call.func, ast.Attribute) else (None, call.args)
    if whole is None or value_of(whole, frame) is torch:
        whole, given = (given[0], given[1:]) if given else (None, [])
    if whole is None or len(given) != 1 or call.keywords:
        return None
    length, asked = count(whole, frame), number(given[0], frame)
    if length is None or not asked:
        return None
    return math.ceil(length / asked) if name == "split" else min(asked, length)


def size(value: object) -> int | None:
    """How many items a value of Python's, torch's or numpy's holds; None if it is none of these."""
    if isinstance(value, Tensor) or type(value).__module__ == "numpy":
        shape: tuple[int, ...] = getattr(value, "shape", ())
        return int(shape[0]) if shape else None
    return len(value) if isinstance(value, KNOWN_SIZES) else None


def number(expression: ast.expr, frame: FrameType) -> Number | None:  # noqa: PLR0911
    """The number that an expression stands for; None if that cannot be told without calling anything."""
    match expression:
        case ast.BinOp(left, operator, right):
            pair = number(left, frame), number(right, frame)
            known = OPERATORS.get(type(operator))
            return None if None in pair or known is None else known(*pair)
        case ast.UnaryOp(ast.USub(), operand):
            value = number(operand, frame)
            return None if value is None else -value
        case ast.Call(ast.Name("len"), [items]):
            return size(value_of(items, frame))
        case ast.Call(ast.Attribute(items, "size"), [ast.Constant(0)]):
            return size(value_of(items, frame))
        case ast.Subscript(ast.Attribute(items, "shape"), ast.Constant(0)):
            return size(value_of(items, frame))
        case ast.Call(function, given) if spelled(function) in PURE and given:
            values = [number(a, frame) for a in given]
            return None if None in values else PURE[spelled(function)](*values)
        case _:
            value = value_of(expression, frame)
            whole = value.item() if isinstance(value, Tensor) and value.numel() == 1 else value
            return whole if isinstance(whole, int | float) else None


def value_of(expression: ast.expr, frame: FrameType) -> object:
    """What a constant, a variable or an attribute holds; None if it is something else or not there."""
    match expression:
        case ast.Constant(value):
            return value
        case ast.Name(name):
            return variables_of(frame, always=True).get(name, frame.f_globals.get(name))
        case ast.Attribute(owner, name):
            return getattr(value_of(owner, frame), name, None)
        case _:
            return None


def spelled(function: ast.expr) -> str:
    """The last part of the name that is called."""
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def behind(is_owner: Callable[[object], bool], name: str = "") -> Number | None:
    """Items of the generator that a loop draws from: of a function by name, or of an object's `__iter__`.

    A loop does not tell where it draws from, but the generator is suspended meanwhile. Of several the
    shortest counts.
    """
    found: list[Number | None] = []
    for thing in gc.get_objects():
        if type(thing) is not GeneratorType or inspect.getgeneratorstate(thing) != inspect.GEN_SUSPENDED:
            continue
        owner = variables_of(thing.gi_frame, always=True).get("self") if thing.gi_frame is not None else None
        own = thing.gi_code.co_name == "__iter__" and is_owner(owner)
        if own and isinstance(owner, Sampler) and type(owner).__module__.startswith("torch."):
            found.append(len(owner))  # pyright: ignore
        elif own or (name and thing.gi_code.co_name == name):
            found.append(yields(thing))
    return None if not found or None in found else min(n for n in found if n is not None)


def yields(generator: GeneratorType[Any, Any, Any]) -> Number | None:
    """How many items a generator yields at the line at which it stands; None if it is not known."""
    frame = generator.gi_frame
    if frame is None:
        return None
    around = loops_around(frame)
    if any(is_endless(loop) for loop in around):
        return inf
    turns = [turns_in(loop, frame) if isinstance(loop, ast.For) else -1 for loop in around]
    return None if -1 in turns or not turns else prod(turns)


def is_endless(loop: Loop) -> bool:
    """Whether a loop is a `while True`."""
    return isinstance(loop, ast.While) and isinstance(loop.test, ast.Constant) and bool(loop.test.value)


def loops_around(frame: FrameType) -> list[Loop]:
    """The loops of a frame's function around the line at which it stands."""
    try:
        tree = ast.parse("".join(linecache.getlines(frame.f_code.co_filename, frame.f_globals)))
    except (SyntaxError, ValueError):
        return []
    line, start = frame.f_lineno, frame.f_code.co_firstlineno
    return [n for n in walked(tree) if is_around(n, line, start)]


def walked(tree: ast.AST) -> Iterator[Loop]:
    """Every loop in a tree."""
    return (node for node in ast.walk(tree) if isinstance(node, Loop))


def is_around(loop: Loop, line: int, start: int) -> bool:
    """Whether a loop of the function that begins at ``start`` has this line in it."""
    return start <= loop.lineno <= line <= (loop.body[-1].end_lineno or 0)
