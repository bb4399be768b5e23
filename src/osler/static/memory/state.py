"""The state of all memory at one line: what names stand for, what lists hold, and what was written when."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from osler.model import Place
from osler.static.memory.blocks import Block, Ref, Value, either


@dataclass(frozen=True, slots=True)
class Kept:
    """An entry of a list, when and where it was put there."""

    value: Value
    time: int
    place: Place


@dataclass(frozen=True, slots=True)
class Write:
    """When and where memory was changed in place."""

    time: int
    place: Place


@dataclass(slots=True)
class State:
    """All names, attributes and lists, as they may be at one line.

    Attributes:
        cells: what names of a scope and attributes of an object stand for.
        entries: of lists.
        written: the last change in place that may have happened.
    """

    cells: dict[tuple[object, str], Value] = field(default_factory=dict[tuple[object, str], Value])
    entries: dict[Block, tuple[Kept, ...]] = field(default_factory=dict[Block, tuple[Kept, ...]])
    written: dict[Block, Write] = field(default_factory=dict[Block, Write])

    def copy(self) -> State:
        """The same, to be changed apart."""
        return State(self.cells.copy(), self.entries.copy(), self.written.copy())

    def is_stale(self, ref: Ref) -> bool:
        """The memory was changed since the name got hold of it, or may have been."""
        write = self.written.get(ref.block)
        return write is not None and write.time > ref.since


def joined(states: Iterable[State]) -> State:
    """What may be true where several ways meet."""
    first, *rest = states
    if not rest:
        return first
    both = first.copy()
    held = both.cells.get
    for state in rest:
        for key, value in [(k, v) for k, v in state.cells.items() if held(k) is not v]:
            known = held(key)
            both.cells[key] = value if known is None else either(known, value)
        for block, entries in state.entries.items():
            known = both.entries.get(block, ())
            if known is not entries:
                both.entries[block] = tuple(dict.fromkeys((*known, *entries)))
        for block, write in state.written.items():
            known = both.written.get(block)
            if known is None or known.time < write.time:
                both.written[block] = write
    return both
