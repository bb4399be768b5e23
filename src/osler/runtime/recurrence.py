"""Recurrent cells that are called step by step: does a gradient find its way to the call before?"""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import weakref
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import Node

from osler.model import DetachedStateFact, Run, Site
from osler.runtime.cell_states import is_detached, is_one_step, place_of, tensors
from osler.runtime.closelook import SHAPES, CloseLook
from osler.runtime.graph import LARGEST
from osler.runtime.registry import plain

RECURRENT = (nn.RNNCellBase, nn.RNNBase)
"""Layers whose second argument is a state."""

LOOKS = 4
"""Backward calls ahead of which the calls of a cell are looked at."""

MOST = 1_024
"""Calls without a backward after which a cell is no longer looked at."""

RECENT = 4
"""Latest states that are kept: sequences may take turns."""

CHAIN = 3
"""Calls that the loss must go through: of two, one may belong to another sequence."""

CUTS = ("detach", "detach_", "data")
"""Operations that are told as the place at which a state loses its graph."""


def recent() -> deque[list[Tensor]]:
    """Room for the latest states."""
    return deque(maxlen=RECENT)


@dataclass(slots=True, eq=False)
class Calls:
    """The calls of one cell since the last backward.

    Attributes:
        name: full name of the cell.
        site: the line of the latest call.
        nodes: for each call the sequence numbers of the nodes that made what it returned.
        detached: for each call whether its state was that of an earlier one without the graph.
        states: the latest states that it returned, in their own memory but without their graphs.
        input: what the latest call was given, likewise.
        cut: the operation that took the graph off, and its line, if it was looked at closely.
    """

    name: str
    site: Site = ()
    nodes: list[frozenset[int]] = field(default_factory=list[frozenset[int]])
    detached: list[bool] = field(default_factory=list[bool])
    states: deque[list[Tensor]] = field(default_factory=recent)
    input: list[Tensor] = field(default_factory=list[Tensor])
    cut: tuple[str, Site] = ("", ())


class Recurrence:
    """The cells of all models, until a gradient was seen to flow through time or enough was looked at.

    A cell of which one call depends on an earlier one is healthy and never looked at again.

    Args:
        run: the evidence that grows.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._calls: weakref.WeakKeyDictionary[nn.Module, Calls] = weakref.WeakKeyDictionary()
        self._looks: weakref.WeakKeyDictionary[nn.Module, int] = weakref.WeakKeyDictionary()
        self._models: weakref.WeakKeyDictionary[nn.Module, str] = weakref.WeakKeyDictionary()

    @property
    def waits(self) -> bool:
        """Whether some cell was called since the last backward."""
        return bool(self._calls)

    def wants(self, model: str) -> bool:
        """Whether a cell of this model is still looked at."""
        return bool(self._models) and model in self._models.values()

    def is_done(self, cell: nn.Module) -> bool:
        """Whether enough is known of a cell."""
        return self._looks.get(cell, 0) >= LOOKS

    def called(
        self, cell: nn.Module, model: str, name: str, given: tuple[Any, Any], output: Any, site: Site
    ) -> Calls | None:
        """A cell has returned; what is known of its calls if its state came without its graph.

        Args:
            cell: the cell.
            model: name of the root module in which it was called.
            name: full name of the cell.
            given: its input and its state.
            output: what it returned.
            site: the line of the call.
        """
        if self.is_done(cell) or not torch.is_grad_enabled() or not is_one_step(cell, given[0]):
            return None
        returned, state = tensors(output), tensors(output[1] if isinstance(cell, nn.RNNBase) else output)
        nodes = [t.grad_fn for t in returned if t.grad_fn is not None]
        if len(nodes) < len(returned) or not all(map(plain, returned)) or not learns(cell):
            return None
        calls = self._calls.setdefault(cell, Calls(name))
        self._models[cell] = model
        known = frozenset[int]().union(*calls.nodes)
        if len(calls.nodes) >= MOST or (known and depends(nodes, known)):
            self._finish(cell)
            self._run.detached_states.pop(name, None)
            return None
        entered, calls.input = calls.input, [t.detach() for t in tensors(given[0])]
        refines = bool(entered) and list(map(place_of, entered)) == list(map(place_of, calls.input))
        detached = not refines and is_detached(tensors(given[1]), calls.states)
        calls.site = site if detached or not calls.site else calls.site
        calls.nodes.append(frozenset(node._sequence_nr() for node in nodes))
        calls.detached.append(detached)
        calls.states.append([t.detach() for t in state])
        return calls if detached else None

    def backward(self, root: Tensor) -> bool:
        """A backward begins: which calls lie behind it? True if it is not known what detaches a state."""
        ended, self._calls = self._calls, weakref.WeakKeyDictionary()
        found = False
        for cell, calls in list(ended.items()):
            self._looks[cell] = self._looks.get(cell, 0) + 1
            if sum(calls.detached) >= CHAIN - 1 and root.grad_fn is not None:
                behind = reached([root.grad_fn], min(map(min, calls.nodes)))
                used = [bool(nodes & behind) for nodes in calls.nodes]
                detached = sum(a and b for a, b in zip(used, calls.detached, strict=True))
                if sum(used) >= CHAIN and detached >= CHAIN - 1:
                    found |= self._note(cell, calls, detached, sum(used))
            if self.is_done(cell):
                self._finish(cell)
        return found

    def forget(self) -> None:
        """What was called until now belongs to no backward that will be seen."""
        self._calls.clear()

    def _finish(self, cell: nn.Module) -> None:
        self._looks[cell] = LOOKS
        self._calls.pop(cell, None)
        self._models.pop(cell, None)

    def _note(self, cell: nn.Module, calls: Calls, detached: int, count: int) -> bool:
        known = self._run.detached_states.get(calls.name)
        cut, where = calls.cut if calls.cut[0] or known is None else (known.cut, known.cut_site)
        self._run.detached_states[calls.name] = DetachedStateFact(
            calls.name,
            kind_of(cell),
            calls.site,
            detached,
            count,
            backwards=known.backwards + 1 if known is not None else 1,
            step=known.step if known is not None else self._run.steps,
            cut=cut,
            cut_site=where,
        )
        return not cut


def note_cut(calls: Calls, state: Any, look: CloseLook) -> None:
    """A turn is looked at closely: which operation took the graph off the state?"""
    for part in tensors(state):
        operation, site = look.origin(part, SHAPES)
        if operation in CUTS:
            calls.cut = (operation, site)


def learns(cell: nn.Module) -> bool:
    """Whether a gradient is wanted for the cell."""
    return any(p.requires_grad for p in cell.parameters())


def depends(nodes: list[Node], earlier: frozenset[int]) -> bool:
    """Whether one of the earlier nodes lies behind some others, or that is more than can be walked."""
    behind = reached(nodes, min(earlier))
    return not earlier.isdisjoint(behind) or len(behind) >= LARGEST


def reached(nodes: list[Node], oldest: int) -> frozenset[int]:
    """Sequence numbers of the nodes behind some others, down to the oldest of interest.

    A node is younger than all that lie behind it, so that a walk never goes far back.
    """
    todo, seen = list(nodes), set(nodes)
    numbers: set[int] = set()
    while todo and len(numbers) < LARGEST:
        node = todo.pop()
        numbers.add(node._sequence_nr())
        for child, _ in node.next_functions:
            if child is not None and child not in seen and child._sequence_nr() >= oldest:
                seen.add(child)
                todo.append(child)
    return frozenset(numbers)


def kind_of(cell: nn.Module) -> str:
    """Name of torch's own class: a reader knows it."""
    return next(kind.__name__ for kind in type(cell).__mro__ if kind.__module__.startswith("torch."))
