"""A loop that a library makes: its variables and its counters, put back like those of a loop in the script.

A trainer counts turns in variables of its own, in attributes, and in objects that it holds. Its frames lie
between the script's line that starts the training and the loader. Those that only hand batches on are
not on the stack any more when `backward()` is called, and go on undisturbed: they hold what was drawn ahead.
"""

from __future__ import annotations

import ast
import sys
from collections import deque
from collections.abc import Callable, Collection, Iterator
from enum import Enum
from types import FrameType
from typing import Any, cast

from torch import nn
from torch.amp.grad_scaler import GradScaler
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torch.utils.data import DataLoader, Dataset

from osler.replay.counting import loops_around, turns_in
from osler.replay.loop import outwards, put_back
from osler.runtime.variables import variables_of

ASIDE = ("torch", "osler", *sys.stdlib_module_names)
"""Packages whose frames drive no training."""

TRAINED: tuple[type[Any], ...] = (nn.Module, Optimizer, LRScheduler, GradScaler, Dataset, DataLoader)
"""What is trained, and what it is trained on: their numbers are no counters of a loop."""

MOST = 5_000
"""Objects of a library whose numbers are kept."""

LONGEST = 100
"""Items of a container in which objects of a library are looked for."""

Numbers = dict[str, object]


class Drivers:
    """The frames of libraries that drive a loop, and the numbers that their objects hold.

    Args:
        frame: what asks for a batch.
        kind: whose a frame is: 0 a library's, 1 the script's, 2 the script's module level.

    Attributes:
        packages: to which the frames belong.
    """

    def __init__(
        self, frame: FrameType | None = None, kind: Callable[[FrameType], int] = lambda _: 1
    ) -> None:
        frames = [f for f in inside_script(frame, kind) if not kind(f) and package(f) not in ASIDE]
        self._frames = [(f, variables_of(f, always=True)) for f in frames]
        self.packages = frozenset(package(f) for f in frames)
        held = [value for _, names in self._frames for value in names.values()]
        self._numbers = [(thing, numbers(thing)) for thing in reached(held, self.owns)]

    def owns(self, kind: type) -> bool:
        """Whether a class belongs to these libraries."""
        return str(kind.__module__).partition(".")[0] in self.packages

    def values(self) -> Iterator[Any]:
        """What the variables held, from the innermost function outwards."""
        for _, names in self._frames:
            yield from names.values()

    def narrow(self, leading: Collection[int]) -> None:
        """These frames lead to `backward()`: the others only hand batches on."""
        self._frames = [(f, names) for f, names in self._frames if id(f) in leading]

    def restore(self) -> None:
        """Put back the variables of frames that are still running, and the numbers."""
        running = {id(f) for f in outwards(sys._getframe(1))}  # pyright: ignore[reportPrivateUsage]
        for frame, names in self._frames:
            if id(frame) in running:
                current = variables_of(frame, always=True)
                put_back(frame, {n: v for n, v in names.items() if current.get(n, names) is not v})
        for thing, kept in self._numbers:
            now = vars(thing)
            now.update({n: v for n, v in kept.items() if n in now and is_plain(now[n])})

    @property
    def loop(self) -> bool:
        """Whether one of these frames is in a loop."""
        return any(loops_around(frame) for frame, _ in self._frames)

    @property
    def turns(self) -> int:
        """Turns that the loops make in all, as far as they say so: -1 if they do not."""
        whole = 1
        for frame, _ in self._frames:
            for loop in sorted(loops_around(frame), key=lambda n: -n.lineno):
                if isinstance(loop, ast.While) or loop.lineno == frame.f_lineno:
                    return -1
                length = turns_in(loop, frame)
                if length < 0:
                    return -1
                whole *= length
        return whole


def inside_script(frame: FrameType | None, kind: Callable[[FrameType], int]) -> list[FrameType]:
    """A frame and all that have called it, up to the script's outermost."""
    frames = list(outwards(frame))
    own = [place for place, each in enumerate(frames) if kind(each)]
    top = next((place for place in own if kind(frames[place]) > 1), max(own, default=-1))
    return frames[: top + 1]


def package(frame: FrameType) -> str:
    """The package to which a frame's code belongs."""
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]


def reached(values: list[Any], owns: Callable[[type], bool]) -> list[Any]:
    """Objects of a library, and those that they hold in attributes and in containers there."""
    found: list[Any] = []
    todo, seen = deque(values), set[int]()
    while todo and len(found) < MOST:
        value = todo.popleft()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, list | tuple | deque | dict):
            items = cast("dict[Any, Any] | list[Any]", value)
            if len(items) <= LONGEST:
                todo.extend(items.values() if isinstance(items, dict) else items)
        if owns(type(value)) and is_thing(value):
            found.append(value)
            todo.extend(vars(value).values())
    return found


def is_thing(value: Any) -> bool:
    """Whether a value is an object with attributes of its own, and none of those that are trained."""
    return not isinstance(value, (*TRAINED, type, Enum)) and isinstance(
        getattr(value, "__dict__", None), dict
    )


def numbers(thing: Any) -> Numbers:
    """The attributes of an object that are plain numbers, words or flags."""
    return {name: value for name, value in vars(thing).items() if is_plain(value)}


def is_plain(value: object) -> bool:
    """Whether a value is a number, a word or a flag, or stands for none."""
    return value is None or isinstance(value, int | float | str | Enum)
