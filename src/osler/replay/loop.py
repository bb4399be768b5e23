"""Where the script's loop stands: its variables, which can be put back, and how many turns it will make.

A loop that counts its own steps would otherwise be at another place of its accumulation window when a turn is
repeated, or end in the middle of an experiment.
"""

from __future__ import annotations

import ast
import ctypes
import inspect
import linecache
import sys
from collections.abc import Callable, Iterator
from math import inf, prod
from types import FrameType
from typing import Any

from torch import Tensor

SAFE = (ast.Constant, ast.Name, ast.Attribute, ast.BinOp, ast.operator, ast.UnaryOp, ast.unaryop, ast.Load)
"""Parts of an expression that can be evaluated once more without doing anything."""


class LoopState:
    """The variables of the user's frames at one moment.

    Args:
        frame: the innermost frame.
        is_user: whether a frame is the user's.
    """

    def __init__(
        self, frame: FrameType | None, is_user: Callable[[FrameType], bool] = lambda _: False
    ) -> None:
        self._frames = [(f, dict(f.f_locals)) for f in outwards(frame) if is_user(f)]
        self.turns = next((n for f, _ in self._frames if (n := turns_of(f)) is not None), -1)
        """Turns that the loop makes in all, as far as it says so: -1 if it does not."""

    @property
    def is_running(self) -> bool:
        """Whether the innermost function has not been left."""
        innermost = self._frames[0][0] if self._frames else None
        return any(f is innermost for f in outwards(sys._getframe(1)))  # pyright: ignore[reportPrivateUsage]

    def values(self) -> Iterator[Any]:
        """What the variables held, from the innermost function to the top level."""
        for _, names in self._frames:
            yield from names.values()

    def restore(self) -> None:
        """Put back the variables of the frames that are still running."""
        running = {id(f) for f in outwards(sys._getframe(1))}  # pyright: ignore[reportPrivateUsage]
        for frame, names in self._frames:
            if id(frame) in running:
                put_back(frame, names)


def outwards(frame: FrameType | None) -> Iterator[FrameType]:
    """A frame and all that have called it."""
    while frame is not None:
        yield frame
        frame = frame.f_back


def put_back(frame: FrameType, names: dict[str, Any]) -> None:
    """Bind variables to what they held."""
    current = frame.f_locals
    changed = {n: v for n, v in names.items() if n not in current or current[n] is not v}
    if not changed:
        return
    current.update(changed)
    if current is not frame.f_globals and sys.version_info < (3, 13):
        ctypes.pythonapi.PyFrame_LocalsToFast(ctypes.py_object(frame), ctypes.c_int(0))


def turns_of(frame: FrameType) -> int | None:
    """Turns of the innermost `for` around the line at which a frame stands.

    Returns:
        None if there is none, or if that `for` itself asks for the next batch; -1 if it does not tell.
    """
    if frame.f_code.co_flags & inspect.CO_GENERATOR:
        return None  # whoever draws from it decides
    around = loops_around(frame)
    if not around:
        return None
    loop = max(around, key=lambda n: n.lineno)
    if isinstance(loop, ast.While) or loop.lineno == frame.f_lineno:
        return -1
    return length_of(loop, frame)


def turns_around(frame: FrameType | None, is_user: Callable[[FrameType], bool]) -> float:
    """How often a line is reached at least, by all the loops around it: infinitely often in a `while`.

    Args:
        frame: stands at that line.
        is_user: whether a frame is the user's.
    """
    for each in outwards(frame):
        around = loops_around(each) if is_user(each) else []
        if any(isinstance(loop, ast.While) for loop in around):
            return inf
        if around:  # what lies further out may build everything anew
            return float(prod(max(1, length_of(loop, each)) for loop in around if isinstance(loop, ast.For)))
    return 1.0


def loops_around(frame: FrameType) -> list[ast.For | ast.While]:
    """The loops of a frame's function around the line at which it stands."""
    try:
        tree = ast.parse("".join(linecache.getlines(frame.f_code.co_filename, frame.f_globals)))
    except (SyntaxError, ValueError):
        return []
    line, start = frame.f_lineno, frame.f_code.co_firstlineno
    return [n for n in ast.walk(tree) if isinstance(n, ast.For | ast.While) and is_around(n, line, start)]


def length_of(loop: ast.For, frame: FrameType) -> int:
    """How many turns a `for` makes: over a range, or over a list in a variable; -1 if it is not known."""
    ranges = [n for n in ast.walk(loop.iter) if isinstance(n, ast.Call) and spelled(n) == "range"]
    if ranges:
        return length(ranges[0], frame)
    names = [n.id for n in ast.walk(loop.iter) if isinstance(n, ast.Name)]
    held = [v for n in names if isinstance(v := frame.f_locals.get(n), list | tuple | Tensor)]
    return len(held[0]) if held else -1


def is_around(loop: ast.For | ast.While, line: int, start: int) -> bool:
    """Whether a loop of the function that begins at ``start`` has this line in it."""
    return start <= loop.lineno <= line <= (loop.body[-1].end_lineno or 0)


def spelled(call: ast.Call) -> str:
    """The name that is called."""
    return call.func.id if isinstance(call.func, ast.Name) else ""


def length(call: ast.Call, frame: FrameType) -> int:
    """How many numbers a range has; -1 if that cannot be asked safely."""
    for argument in call.args:
        for node in ast.walk(argument):
            if not isinstance(node, SAFE):
                return -1
    code = compile(
        ast.Expression(ast.Tuple([*call.args], ast.Load(), lineno=1, col_offset=0)), "<range>", "eval"
    )
    try:
        values = eval(code, frame.f_globals, dict(frame.f_locals))
        return len(range(*(int(v) for v in values)))
    except (NameError, AttributeError, TypeError, ValueError, ArithmeticError):
        return -1
