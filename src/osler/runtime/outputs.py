"""Follow the output of each forward: does a backward go through it, and does its graph outlive its turn?"""

from __future__ import annotations

import ast
import linecache
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import FrameType

from torch import Tensor
from torch.autograd.graph import Node

from osler.model import Event, Place, RetainedFact, Site
from osler.runtime.variables import variables_of

REMEMBERED = 64
"""Forwards that are followed at once."""

OLD = 2
"""Turns after which a graph should be gone: the variables of the previous turn keep one alive."""

ENOUGH = 3
"""Graphs of one site alive at once before the user's variables are searched."""

ADDITIONS = ("AddBackward0", "SubBackward0", "torch::autograd::CopySlices")
"""Nodes that a growing sum is made of; the last one for `sums[0] += loss`."""

LONG = 3
"""Graphs in one variable that no single turn explains."""

CALLS = 8
"""Calls of one line in one turn that are followed: a decoder is called for every token."""

NODES = 4
"""Nodes of one output that are hooked, for models that return several tensors."""


class Pulse:
    """Lives exactly as long as the graph behind one output, and is told when a backward goes through it.

    It is registered as a pre-hook of the output's node and returns nothing, so gradients stay what they are.
    """

    __slots__ = ("__weakref__", "forward", "record", "turn", "used")

    def __init__(self, forward: Event, turn: int, record: Callable[[Pulse], None]) -> None:
        self.forward = forward
        self.turn = turn
        self.used = False
        self.record = record

    def __call__(self, _gradients: object) -> None:
        """Called by autograd before it goes through the node."""
        if not self.used:
            self.used = True
            self.record(self)


class Outputs:
    """The forwards whose graphs may still be alive."""

    def __init__(self) -> None:
        self._pulses: deque[weakref.ref[Pulse]] = deque(maxlen=REMEMBERED)
        self._calls: dict[Site, tuple[int, int]] = {}

    def follow(self, tensors: list[Tensor], pulse: Pulse) -> bool:
        """Hook the nodes of an output; false if it has no graph."""
        nodes = {t.grad_fn for t in tensors if t.grad_fn is not None}
        if not nodes:
            return False
        for node in list(nodes)[:NODES]:
            node.register_prehook(pulse)
        site, turn = pulse.forward.site, pulse.turn
        latest, calls = self._calls.get(site, (turn, 0))
        calls = calls + 1 if latest == turn else 1
        self._calls[site] = turn, calls
        if calls <= CALLS:
            self._pulses.append(weakref.ref(pulse))
        return True

    def forget(self) -> None:
        """Follow none of them any more."""
        self._pulses.clear()

    def kept(self, turn: int) -> dict[Site, list[Pulse]]:
        """Graphs that outlived their turn, by the site of their forward."""
        while self._pulses and self._pulses[0]() is None:
            self._pulses.popleft()
        old: dict[Site, list[Pulse]] = {}
        for reference in self._pulses:
            pulse = reference()
            if pulse is None:
                continue
            if pulse.turn > turn - OLD:
                break
            old.setdefault(pulse.forward.site, []).append(pulse)
        return old


def retained(pulses: list[Pulse], frame: FrameType | None) -> RetainedFact:
    """Describe graphs that are kept, and find the user's variable that keeps them.

    Args:
        pulses: at least one, all of one site.
        frame: the user's innermost frame; its variables and its callers' are searched.
    """
    site = pulses[0].forward.site
    after_backward = all(p.used for p in pulses)
    name, place = holder(frame)
    return RetainedFact(site, turns_of(pulses), name, (place,) if place else (), after_backward)


def turns_of(pulses: list[Pulse]) -> int:
    """In how many turns these graphs were made: those of one turn may be freed together."""
    return len({p.turn for p in pulses})


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable of the user's program whose graph is longer than one turn can explain."""

    name: str
    length: int


def holder(frame: FrameType | None) -> tuple[str, Place | None]:
    """Name of the user's variable with the longest chain of additions, and the line that grows it."""
    for _ in range(3):
        if frame is None:
            break
        best = max(chains(variables_of(frame)), key=lambda v: v.length, default=None)
        if best is not None:
            return best.name, growing_line(frame, best.name)
        frame = frame.f_back
    return "", None


def chains(variables: dict[str, object]) -> Iterator[Variable]:
    """Variables that hold a chain of at least three graphs: a sum that grew, or a list of them.

    The items of lists and dicts, and the attributes of ``self``, count as variables too.
    """
    for name, value in [*variables.items(), *attributes(variables.get("self"))]:
        length = chain(value)
        if length >= LONG:
            yield Variable(name, length)


def attributes(thing: object) -> list[tuple[str, object]]:
    """Attributes of an object, as the user writes them inside its methods."""
    return [(f"self.{name}", value) for name, value in list(getattr(thing, "__dict__", {}).items())]


def chain(value: object) -> int:
    """How many graphs a value keeps alive."""
    if isinstance(value, Tensor):
        return additions(value.grad_fn)
    if isinstance(value, dict):
        value = list(value.values())  # pyright: ignore
    if not isinstance(value, list) or not value:
        return 0
    tensors = [v for v in value[-REMEMBERED:] if isinstance(v, Tensor) and v.grad_fn is not None]  # pyright: ignore
    return max([len(tensors), *(additions(t.grad_fn) for t in tensors[:4])])


def additions(node: Node | None) -> int:
    """Length of the chain of additions that ends in this node."""
    length = 0
    while node is not None and length < REMEMBERED:
        name = node.name()
        if name not in ADDITIONS:
            break
        length += 1
        node = node.next_functions[0][0]
    return length


def growing_line(frame: FrameType, name: str) -> Place | None:
    """The statement of the frame's function that adds to the variable."""
    code = frame.f_code
    source = "".join(linecache.getlines(code.co_filename, frame.f_globals))
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return None
    first, last = code.co_firstlineno, max((line for *_, line in code.co_lines() if line), default=0)
    for node in ast.walk(tree):
        if first <= getattr(node, "lineno", 0) <= last and grows(node, name):
            return Place(code.co_filename, getattr(node, "lineno", 0), code.co_name)
    return None


def grows(node: ast.AST, name: str) -> bool:
    """Whether a statement adds to the variable: ``x += …``, ``x = x + …``, ``x[0] += …``, ``x.append(…)``."""
    match node:
        case ast.AugAssign(target=target):
            return spelled(target) == name
        case ast.Assign(targets=[target], value=ast.BinOp() as value):
            return spelled(target) == name and any(spelled(n) == name for n in ast.walk(value))
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=target, attr="append"))):
            return spelled(target) == name
        case _:
            return False


def spelled(node: ast.AST) -> str:
    """The variable an expression stands for: ``x`` for ``x`` and ``x[0]``, ``self.x`` for ``self.x``."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Subscript(value=value):
            return spelled(value)
        case ast.Attribute(value=ast.Name(id="self"), attr=attribute):
            return f"self.{attribute}"
        case _:
            return ""
