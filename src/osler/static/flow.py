"""Follow states through a tree of actions: branches joined, loop bodies taken twice, conditions remembered.

A state carries the conditions under which it holds, so that ``if training: model.train()`` and a later
``if training: loss.backward()`` are taken together.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from osler.model import Action, Branch, CallNode, ExitNode, Loop, Node

S = TypeVar("S", bound=Hashable)

MOST_STATES = 48
"""States told apart at one place; beyond, conditions are forgotten."""

Held = frozenset[tuple[S, frozenset[str]]]


@dataclass(slots=True)
class Ends(Generic[S]):
    """States that leave a piece of the tree, by the way they leave it."""

    onward: Held[S] = frozenset()
    by: dict[str, Held[S]] = field(default_factory=dict[str, "Held[S]"])

    def leave(self, kind: str, states: Held[S]) -> None:
        """These states leave by ``return``, ``break`` or ``continue``."""
        self.by[kind] = self.by.get(kind, frozenset()) | states


@dataclass(slots=True)
class Walk(Generic[S]):
    """One pass over a tree.

    Attributes:
        change: the state after an action.
        visit: called at each action with all states that may hold before it, and the loops around it.
        turns: of the loops around, how often they have come round.
    """

    change: Callable[[S, Action], S]
    visit: Callable[[Action, frozenset[S], tuple[Loop, ...]], None]
    loops: list[Loop] = field(default_factory=list[Loop])
    turns: list[int] = field(default_factory=list[int])

    @property
    def is_steady(self) -> bool:
        """The innermost loop has come round: what lies before it is forgotten."""
        return not self.turns or self.turns[-1] > 0

    def follow(self, nodes: list[Node], start: S) -> frozenset[S]:
        """The states at the end of a tree."""
        ends = self._walk(nodes, frozenset({(start, frozenset[str]())}))
        return frozenset(s for s, _ in ends.onward)

    def _walk(self, nodes: list[Node], states: Held[S]) -> Ends[S]:
        ends: Ends[S] = Ends()
        for node in nodes:
            if not states:
                break
            match node:
                case Action():
                    self.visit(node, frozenset(s for s, _ in states), tuple(self.loops))
                    states = frozenset((self.change(s, node), g) for s, g in states)
                case Branch():
                    states = self._branch(node, states, ends)
                case Loop():
                    states = self._loop(node, states, ends)
                case CallNode():
                    inner = self._walk(node.body, states)
                    states = inner.onward | inner.by.get("return", frozenset())
                case ExitNode():
                    ends.leave(node.kind, states)
                    states = frozenset()
        ends.onward = states
        return ends

    def _branch(self, node: Branch, states: Held[S], ends: Ends[S]) -> Held[S]:
        out: set[tuple[S, frozenset[str]]] = set()
        for number, way in enumerate(node.ways):
            entering = _assume(states, node.key, holds=number == 0) if node.key else states
            inner = self._walk(way, entering)
            out |= inner.onward
            for kind, leaving in inner.by.items():
                ends.leave(kind, leaving)
        return _simplified(frozenset(out), node.key)

    def _loop(self, node: Loop, states: Held[S], ends: Ends[S]) -> Held[S]:
        self.loops.append(node)
        out: Held[S] = frozenset()
        for turn in range(1 if node.once else 2):
            if not node.once:
                self.turns.append(turn)
            inner = self._walk(node.body, _forget(states, f"@{node.number};"))
            if not node.once:
                self.turns.pop()
            states = inner.onward | inner.by.get("continue", frozenset())
            out |= states | inner.by.get("break", frozenset())
            if "return" in inner.by:
                ends.leave("return", inner.by["return"])
        self.loops.pop()
        return _forget(out, f"@{node.number};")


def _assume(states: Held[S], key: str, *, holds: bool) -> Held[S]:
    own, other = (f"+{key}", f"-{key}") if holds else (f"-{key}", f"+{key}")
    return frozenset((s, g | {own}) for s, g in states if other not in g)


def _simplified(states: Held[S], key: str) -> Held[S]:
    """A state that holds whatever the condition is no longer carries it."""
    if not key:
        return _bounded(states)
    yes, no = f"+{key}", f"-{key}"
    out: set[tuple[S, frozenset[str]]] = set()
    for state, guards in states:
        rest = guards - {yes, no}
        both = (state, rest | {yes}) in states and (state, rest | {no}) in states
        out.add((state, rest) if both else (state, guards))
    return _bounded(frozenset(out))


def _forget(states: Held[S], mark: str) -> Held[S]:
    """Conditions on what a loop computes anew say nothing about its next turn."""
    return _bounded(frozenset((s, frozenset(k for k in g if mark not in k)) for s, g in states))


def _bounded(states: Held[S]) -> Held[S]:
    if len(states) <= MOST_STATES:
        return states
    return frozenset((s, frozenset[str]()) for s, _ in states)


def any_of(nodes: Iterable[Node]) -> list[Action]:
    """Every action below."""
    found: list[Action] = []
    for node in nodes:
        match node:
            case Action():
                found.append(node)
            case Branch():
                for way in node.ways:
                    found += any_of(way)
            case Loop() | CallNode():
                found += any_of(node.body)
            case ExitNode():
                pass
    return found
