"""Does the graph behind a loss hold the graphs of earlier backward calls, more of them from call to call?

Autograd numbers its nodes in the order in which they are made. A node with a smaller number than the root of
the call before was already there then: it belongs to an earlier step.
"""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import ast
import linecache
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from types import FrameType

from torch import Tensor, nn
from torch.autograd.graph import Node

from osler.model import GrowthFact, Place, Run, Site
from osler.runtime.graph import LARGEST
from osler.runtime.outputs import attributes, spelled
from osler.runtime.variables import variables_of

RISES = 4
"""Looks in a row that found more old operations than the one before: at calls 2, 3, 4 and 8, say.

A graph that was kept for several calls on purpose has the same number of them at each.
"""

FRAMES = 3
"""Frames of the user whose variables may carry a graph from call to call."""

Named = dict[int, tuple[str, Site]]
"""Variables and the lines that assign them, by the number of the node that made their values."""


@dataclass(slots=True)
class Looked:
    """What the looks at one line have found.

    Attributes:
        root: number of the root's node at the latest look.
        oldest: number of the oldest node in its graph.
        old: nodes that were older than the root of the look before.
        first: nodes at the first look.
        rises: looks in a row at which there were more old ones.
        step: optimizer steps finished at the first of these.
        named: variables with a graph at the latest look.
        holder: the variable that carried the graph on, with its line.
    """

    root: int
    oldest: int
    first: int
    old: int = 0
    rises: int = 0
    step: int = 0
    named: Named = field(default_factory=Named)
    holder: tuple[str, Site] = ("", ())


class Growth:
    """Looks at the graphs of backward calls whenever their leaves are looked for.

    Args:
        run: the evidence that grows.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._looked: dict[Site, Looked] = {}

    def look(
        self, root: Tensor, site: Site, calls: int, frame: FrameType | None, models: Iterable[nn.Module]
    ) -> None:
        """A backward is about to run.

        Args:
            root: what it starts from.
            site: where it is called.
            calls: how often that was, this time included.
            frame: the user's innermost frame.
            models: root modules, whose attributes may carry a graph as well.
        """
        if root.grad_fn is None:
            return
        before = self._looked.get(site)
        limit = before.root if before is not None else -1
        numbers, entries = numbered(root.grad_fn, limit)
        if len(numbers) >= LARGEST:  # the rest is not known: what was found before still holds
            return
        now = max(numbers)
        if before is None:
            self._looked[site] = Looked(now, min(numbers), len(numbers))
            return
        old = sum(number <= limit for number in numbers)
        grows = old > before.old and (not before.old or min(numbers) == before.oldest)
        before.rises = before.rises + 1 if grows else 0
        if before.rises == 1:
            before.step = self._run.steps
        before.holder = next((before.named[e] for e in entries if e in before.named), before.holder)
        before.named = variables(frame, models) if grows else {}
        before.root, before.oldest, before.old = now, min(numbers), old
        self._write(before, site, len(numbers), calls)

    def _write(self, looked: Looked, site: Site, operations: int, calls: int) -> None:
        if looked.rises >= RISES:
            name, line = looked.holder
            fact = GrowthFact(site, looked.first, operations, looked.old, calls, looked.step, name, line)
            self._run.growing[site] = fact


def numbered(root: Node, limit: int) -> tuple[list[int], set[int]]:
    """Numbers of the operations behind a node, and of the first ones up to a limit on the way down."""
    todo, seen = [root], {root}
    numbers: list[int] = []
    entries: set[int] = set()
    while todo and len(seen) < LARGEST:
        node = todo.pop()
        following = node.next_functions
        if not following:  # a leaf has no place in the order
            continue
        number = node._sequence_nr()
        numbers.append(number)
        for child, _ in following:
            if child is not None and child not in seen:
                seen.add(child)
                todo.append(child)
                if number > limit >= child._sequence_nr():
                    entries.add(child._sequence_nr())
    return numbers or [root._sequence_nr()], entries


def variables(frame: FrameType | None, models: Iterable[nn.Module]) -> Named:
    """The variables that hold a tensor with a graph: of the user's frames, of `self` and of the models."""
    found: Named = {}
    for name, value, code in [*attributes_of(models), *locals_of(frame)]:
        for node in nodes_of(value):
            found.setdefault(node, (name, assigned(code, name)))
    return found


def attributes_of(models: Iterable[nn.Module]) -> Iterator[tuple[str, object, object]]:
    """Attributes of all modules as they are written in `forward`, with its code."""
    for model in models:
        for module in model.modules():
            code = getattr(type(module).forward, "__code__", None)
            yield from ((f"self.{name}", value, code) for name, value in list(vars(module).items()))


def locals_of(frame: FrameType | None) -> Iterator[tuple[str, object, object]]:
    """Variables of the innermost frames, and attributes of `self` there, with the code of the frame."""
    for _ in range(FRAMES):
        if frame is None:
            return
        own = variables_of(frame)
        yield from (
            (name, value, frame.f_code) for name, value in [*own.items(), *attributes(own.get("self"))]
        )
        frame = frame.f_back


def nodes_of(value: object) -> Iterator[int]:
    """Numbers of the nodes that made a tensor, or those in a tuple or list such as the state of an LSTM."""
    values = value[:8] if isinstance(value, list | tuple) else (value,)  # pyright: ignore
    for tensor in values:  # pyright: ignore
        if isinstance(tensor, Tensor) and tensor.grad_fn is not None:
            yield tensor.grad_fn._sequence_nr()


def assigned(code: object, name: str) -> Site:
    """The last line of this code that assigns a variable; empty if its source is not at hand."""
    file = getattr(code, "co_filename", "")
    first = getattr(code, "co_firstlineno", 0)
    last = max((line for *_, line in code.co_lines() if line), default=0) if file else 0  # pyright: ignore
    source = "".join(linecache.getlines(file))
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return ()
    lines = [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign | ast.AugAssign) and first <= node.lineno <= last and sets(node, name)
    ]
    return (Place(file, max(lines), getattr(code, "co_name", "")),) if lines else ()


def sets(node: ast.Assign | ast.AugAssign, name: str) -> bool:
    """Whether a statement assigns the variable, alone or in a tuple; a detached value carries nothing."""
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    flat = [n for t in targets for n in (t.elts if isinstance(t, ast.Tuple | ast.List) else [t])]
    detached = any(isinstance(n, ast.Attribute) and n.attr == "detach" for n in ast.walk(node.value))
    constant = isinstance(node.value, ast.Constant)
    return any(spelled(t) == name for t in flat) and not (detached or constant)
