"""The ledger: what happened, in order, with equal turns of the loop counted instead of stored."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from osler.model import BlindFact, Event, Kind, Pattern, Run, Site

BLOCK = 6
"""Longest block of events whose repeats inside a turn are shortened."""

KEPT = 3
"""Repeats of a block that are kept: one more than the smallest row."""

LONGEST_TURN = 256
"""Events after which a turn is cut, so that memory stays bounded in programs without batches or steps."""

PATTERNS = 512
"""Distinct turns that are kept; a program with more is too irregular to be described by them."""

NOTHING: frozenset[str] = frozenset()

Item = TypeVar("Item")

Key = tuple[Kind, str, int, frozenset[str]]


class Ledger:
    """Appends events to the current turn and counts equal turns.

    Attributes:
        run: the evidence that grows.
        moments: batches and root forwards so far, a clock that tells whether new data came in.
        novel: turn in which the latest new pattern appeared.
        switched: turn in which the latest new pattern with a mode change appeared; negative for none.
        in_batch: the current turn was opened by a batch.
        at_step: a turn is being closed by its step, so that nothing of the next one has happened yet.
        after_turn: called when a turn was closed.
    """

    def __init__(self) -> None:
        self.run = Run()
        self.moments = 0
        self.novel = 0
        self.switched = -1
        self.after_turn: Callable[[], None] = nothing
        self._events: dict[Key, Event] = {}
        self._turn: list[Event] = []
        self._patterns: dict[tuple[Event, ...], Pattern] = {}
        self.in_batch = False
        self.at_step = False
        self._overflowed = False

    def event(self, kind: Kind, subject: str, site: Site, traits: frozenset[str] = NOTHING) -> Event:
        """The one object that stands for this event."""
        key = (kind, subject, id(site), traits)
        known = self._events.get(key)
        if known is None:
            known = self._events[key] = Event(kind, subject, site, traits)
        return known

    def emit(self, kind: Kind, subject: str, site: Site, traits: frozenset[str] = NOTHING) -> Event:
        """Append an event to the current turn."""
        event = self.event(kind, subject, site, traits)
        self._turn.append(event)
        if len(self._turn) >= LONGEST_TURN:
            self._shorten_or_close()
        return event

    def append(self, event: Event) -> None:
        """Append an event that already exists."""
        self._turn.append(event)

    def batch(self, loader: str, site: Site) -> None:
        """A loader handed out a batch: a new turn begins."""
        self.close()
        self.in_batch = True
        self.moments += 1
        self.emit(Kind.BATCH, loader, site)

    def pass_end(self, loader: str, site: Site) -> None:
        """A loader was exhausted: what follows belongs to no batch."""
        self.close()
        self.in_batch = False
        self.run.passes += 1
        self.emit(Kind.PASS_END, loader, site)

    def step(self, optimizer: str, site: Site, traits: frozenset[str]) -> None:
        """Parameters were stepped: in a program without batches the turn ends here."""
        self.emit(Kind.STEP, optimizer, site, traits)
        self.run.steps += 1
        if not self.in_batch:
            self.at_step = True
            self.close()
            self.at_step = False

    def close(self) -> None:
        """End the current turn and count its pattern."""
        turn = self._turn
        if not turn:
            return
        events = shortened(turn)
        self._turn = []
        pattern = self._patterns.get(events)
        if pattern is None:
            pattern = self._new(events)
        if pattern is not None:
            pattern.seen(self.run.turns)
        self.run.turns += 1
        self.after_turn()

    @property
    def current(self) -> tuple[Event, ...]:
        """The events of the turn that is under way."""
        return tuple(self._turn)

    def _new(self, events: tuple[Event, ...]) -> Pattern | None:
        if len(self._patterns) >= PATTERNS:
            if not self._overflowed:
                self._overflowed = True
                reason = f"its loop took more than {PATTERNS} different forms; later new forms are not kept"
                self.run.blind.append(BlindFact("the loop", reason))
            return None
        self.novel = self.run.turns
        if any(e.kind is Kind.MODE for e in events):
            self.switched = self.run.turns
        pattern = Pattern(events, first=self.run.turns, step=self.run.steps)
        self._patterns[events] = pattern
        self.run.patterns.append(pattern)
        return pattern

    def _shorten_or_close(self) -> None:
        self._turn = list(shortened(self._turn))
        if len(self._turn) > LONGEST_TURN // 2:
            self.close()


def nothing() -> None:
    """Do nothing."""


def shortened(turn: list[Item]) -> tuple[Item, ...]:
    """The events, with every block of up to six that repeats more than three times kept three times."""
    if len(turn) - len(set(turn)) < KEPT:  # almost every turn: nothing can repeat so often
        return tuple(turn)
    kept: list[Item] = []
    for event in turn:
        kept.append(event)
        for size in range(1, BLOCK + 1):
            block = kept[-size:]
            rest = kept[-size * (KEPT + 1) : -size]
            if len(rest) == size * KEPT and rest == block * KEPT:
                del kept[-size:]
                break
    return tuple(kept)
