"""Where the script's loop stands: its variables, which can be put back, and how many turns it will make.

A loop that counts its own steps would otherwise be at another place of its accumulation window when a turn is
repeated, or end in the middle of an experiment.
"""

from __future__ import annotations

import ast
import ctypes
import inspect
import sys
from collections import defaultdict, deque
from collections.abc import Callable, Collection, Iterator, Sequence
from math import inf
from types import FrameType, ModuleType
from typing import Any, Protocol

import torch
from torch import nn
from torch.optim import Optimizer

from osler.replay.counting import Loop, loops_around, turns_in
from osler.runtime.variables import variables_of

FILLED = (list, dict, set, deque, defaultdict)
"""Containers of Python's that a turn may fill."""


class Driving(Protocol):
    """What drives a loop beside the user's frames."""

    def values(self) -> Iterator[Any]:
        """What its variables held."""
        ...

    def restore(self) -> None:
        """Put it back."""
        ...


class LoopState:
    """The variables of the user's frames at one moment.

    Args:
        frame: the innermost frame.
        is_user: whether a frame is the user's.
        drivers: what else drives the loop.

    Attributes:
        turns: how many the loop makes in all, as far as it says so: -1 if it does not.
        ways: how to put back what a variable held, by its identity.
    """

    def __init__(
        self,
        frame: FrameType | None,
        is_user: Callable[[FrameType], bool] = lambda _: False,
        drivers: Driving | None = None,
    ) -> None:
        self.drivers = drivers
        self._is_user = is_user
        self._frames = [(f, own_names(f)) for f in outwards(frame) if is_user(f)]
        self._lines = [f.f_lineno for f, _ in self._frames]
        self.turns = next((n for f, _ in self._frames if (n := turns_of(f)) is not None), -1)
        self.ways: dict[int, Callable[[], object]] = {}
        self._empty = {id(v) for v in self.values() if is_empty(v)}

    @property
    def is_running(self) -> bool:
        """Whether the innermost function has not been left."""
        innermost = self._frames[0][0] if self._frames else None
        return any(f is innermost for f in outwards(sys._getframe(1)))  # pyright: ignore[reportPrivateUsage]

    def follow(self, frame: FrameType | None) -> bool:
        """Go on with functions that have been left and are called anew at the same lines.

        Args:
            frame: the innermost frame now.

        Returns:
            Whether the functions are the same, called from the same lines: their variables can be put back.
        """
        now = [f for f in outwards(frame) if self._is_user(f)]
        here, there = [(f.f_code, f.f_lineno) for f in now], [f.f_code for f, _ in self._frames]
        if here != list(zip(there, self._lines, strict=True)):
            return False
        self._frames = [(f, names) for f, (_, names) in zip(now, self._frames, strict=True)]
        return True

    def values(self) -> Iterator[Any]:
        """What the variables held, from the innermost function to the top level."""
        for _, names in self._frames:
            yield from names.values()
        if self.drivers is not None:
            yield from self.drivers.values()

    def narrow(self, leading: Collection[int]) -> None:
        """Leave frames alone that are none of these: they hand batches on."""
        kept = [
            (each, line)
            for each, line in zip(self._frames, self._lines, strict=True)
            if id(each[0]) in leading
        ]
        self._frames, self._lines = [each for each, _ in kept], [line for _, line in kept]

    def release(self) -> None:
        """Let go of the frames and of what their variables held."""
        self._frames, self._lines, self.ways = [], [], {}

    def restore(self) -> None:
        """Put back the variables of the frames that are still running."""
        running = {id(f) for f in outwards(sys._getframe(1))}  # pyright: ignore[reportPrivateUsage]
        for frame, names in self._frames:
            if id(frame) in running:
                put_back(frame, self._changed(frame, names))
        if self.drivers is not None:
            self.drivers.restore()

    def _changed(self, frame: FrameType, names: dict[str, Any]) -> dict[str, Any]:
        """Variables that hold something else now, and what they held, as it was then.

        A list that the loop makes in every turn and has not filled yet stays: the line under way may be about
        to put into it what the model returns.
        """
        current = variables_of(frame, always=True)
        changed = {n: v for n, v in names.items() if n not in current or current[n] is not v}
        changed = {
            n: v for n, v in changed.items() if id(v) not in self._empty or not is_empty(current.get(n))
        }
        with torch.no_grad():
            for value in changed.values():
                if id(value) in self.ways:
                    self.ways[id(value)]()
        return changed


def own_names(frame: FrameType) -> dict[str, Any]:
    """The variables of a frame, without what Python puts there."""
    return {name: value for name, value in variables_of(frame, always=True).items() if name != "__builtins__"}


def outwards(frame: FrameType | None) -> Iterator[FrameType]:
    """A frame and all that have called it."""
    while frame is not None:
        yield frame
        frame = frame.f_back


def put_back(frame: FrameType, names: dict[str, Any]) -> None:
    """Bind variables to what they held."""
    if not names:
        return
    current = frame.f_locals
    current.update(names)
    if current is not frame.f_globals and sys.version_info < (3, 13):
        ctypes.pythonapi.PyFrame_LocalsToFast(ctypes.py_object(frame), ctypes.c_int(0))
        del current
        variables_of(frame, always=True)  # or what was put back would live on with the frame


def is_empty(value: object) -> bool:
    """Whether it is a container to be filled."""
    return type(value) in FILLED and not value


def turns_of(frame: FrameType) -> int | None:
    """Turns of the innermost `for` around the line at which a frame stands, in all passes of loops around it.

    Returns:
        None if there is none; -1 if it does not tell.
    """
    if frame.f_code.co_flags & inspect.CO_GENERATOR:
        return None  # whoever draws from it decides
    around = sorted(loops_around(frame), key=lambda n: -n.lineno)
    if not around:
        return None
    trained = {n for n, v in variables_of(frame, always=True).items() if isinstance(v, nn.Module | Optimizer)}
    total = 1
    for loop in around:
        if total > 1 and trained & bound_in(loop):
            break
        turns = -1 if isinstance(loop, ast.While) else turns_in(loop, frame)
        if turns < 0 and (isinstance(loop, ast.While) or loop is around[0]):
            return -1
        total *= max(1, turns)
    return total


def turns_around(
    frame: FrameType | None, is_user: Callable[[FrameType], bool], things: Sequence[object] = ()
) -> float:
    """How often a line is reached at least, by all the loops around it: infinitely often in a `while`.

    A loop that makes one of the things anew ends it, and so does a function that calls the innermost loop and
    does not hold any of them: it may make them anew.

    Args:
        frame: stands at that line.
        is_user: whether a frame is the user's.
        things: what is trained.
    """
    total, found = 1.0, False
    for each in outwards(frame):
        if not is_user(each):
            continue
        names = holders(each, things)
        if found and not names:
            break
        for loop in sorted(loops_around(each), key=lambda n: -n.lineno):
            if names & bound_in(loop):
                return total
            if isinstance(loop, ast.While):
                return inf
            total *= max(1, turns_in(loop, each))
            found = True
    return total


def holders(frame: FrameType, things: Sequence[object]) -> set[str]:
    """Variables that hold one of some things, or an object with one of them as its attribute."""
    wanted = {id(thing) for thing in things}
    found: set[str] = set()
    for name, value in variables_of(frame, always=True).items():
        inside = getattr(value, "__dict__", None)
        parts = inside.values() if isinstance(inside, dict) and not isinstance(value, ModuleType) else ()
        if id(value) in wanted or any(id(part) in wanted for part in parts):  # pyright: ignore
            found.add(name)
    return found


def bound_in(loop: Loop) -> set[str]:
    """Variables that the body of a loop binds to what something returns; what it goes over was there."""
    nodes = (node for part in loop.body for node in ast.walk(part))
    made = (n for n in nodes if isinstance(n, ast.Assign) and isinstance(n.value, ast.Call | ast.Tuple))
    parts = (part for n in made for target in n.targets for part in ast.walk(target))
    return {n.id for n in parts if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
