"""Iterators of parameters that are gone through although nothing is left of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from osler.model import Action, Branch, CallNode, Code, Const, ExitNode, Kind, Loop, Node, Trace, Turns, flat
from osler.static.flow import Walk
from osler.static.values import Once


@dataclass(frozen=True, slots=True)
class UsedUp:
    """An iterator that is certainly empty when it is gone through.

    Attributes:
        once: the iterator.
        by: what took all of it.
        then: what finds nothing.
    """

    once: Once
    by: Action
    then: Action

    @property
    def again(self) -> bool:
        """It is the same line, in a later turn or call."""
        return self.by.place == self.then.place


def used_up(code: Code) -> Iterator[UsedUp]:
    """Each iterator once, with the first line that finds it empty."""
    told: set[object] = set()
    for trace in code.traces:
        uses: dict[Once, list[Action]] = {}
        for action in flat(trace.nodes):
            if action.kind is Kind.ITERATE and isinstance(action.subject, Once) and "used" in action.words:
                uses.setdefault(action.subject, []).append(action)
        for once, actions in uses.items():
            found = _empty(trace, once, actions)
            if found is not None and once.place not in told:
                told.add(once.place)
                yield found


def _empty(trace: Trace, once: Once, uses: list[Action]) -> UsedUp | None:
    found: list[UsedUp] = []

    def change(state: Action | None, action: Action) -> Action | None:
        if action.kind is not Kind.ITERATE or action.subject is not once:
            return state
        if "made" in action.words:
            return None
        return action if state is None or "beside" in state.words else state

    def visit(action: Action, states: frozenset[Action | None], loops: tuple[Loop, ...]) -> None:
        del loops
        if found or action.kind is not Kind.ITERATE or action.subject is not once:
            return
        if {"made", "quiet"} & action.words or ("perhaps" in action.words and any(walk.turns)):
            return
        before = [s for s in states if s is not None and _leaves_nothing(s, action)]
        if before and len(before) == len(states):
            found.append(UsedUp(once, min(before, key=lambda a: (a.place.file, a.place.line)), action))

    start: Action | None = None
    walk = Walk(change, visit)
    walk.follow(_repeating(trace.nodes, frozenset(map(id, uses))), start)
    return found[0] if found else None


def _leaves_nothing(by: Action, then: Action) -> bool:
    """What is gone through beside something else may be longer than that: only the same line has no more."""
    return "beside" not in by.words or by.place == then.place


def _repeating(nodes: Sequence[Node], uses: frozenset[int]) -> list[Node]:
    """The tree, with loops of which it is not sure that they come to the use again taken once.

    Conditions count as different each time: `if self.average is None` holds in the first turn alone.
    """
    out: list[Node] = []
    for node in nodes:
        match node:
            case Loop():
                sure = not (node.framework or _is_short(node) or _leaves_before(node.body, uses))
                out.append(replace(node, body=_repeating(node.body, uses), once=node.once or not sure))
            case Branch():
                out.append(Branch("", [_repeating(way, uses) for way in node.ways]))
            case CallNode():
                out.append(replace(node, body=_repeating(node.body, uses)))
            case _:
                out.append(node)
    return out


def _is_short(loop: Loop) -> bool:
    """It is written that there is one turn at most."""
    match loop.over:
        case Turns(end=Const(value=int() as turns)):
            return turns < 2
        case _:
            return False


def _leaves_before(nodes: Sequence[Node], uses: frozenset[int]) -> bool:
    """The loop may be left for good ahead of the use, in the second turn perhaps."""
    for node in nodes:
        if any(id(action) in uses for action in flat([node])) and not isinstance(node, Branch):
            return False
        if any(_leaves(node)):
            return True
    return False


def _leaves(node: Node) -> Iterator[bool]:
    match node:
        case ExitNode():
            yield node.kind != "continue"
        case Branch():
            for way in node.ways:
                for inner in way:
                    yield from _leaves(inner)
        case Loop():
            yield any(isinstance(n, ExitNode) and n.kind == "return" for n in node.body)
        case _:
            return
