"""Keep the overhead contract on tiny models: once the loop is steady, look closely at only some of its turns.

Between two close windows a turn is watched by its kinds of events alone. If their order is that of a known
pattern the turn is counted as one of it; anything else, a mode change or the end of a pass wakes the watcher.
Loss, learning rate, sizes and times are recorded in every turn. On models whose steps take long enough the
budget is never exceeded and every turn is watched closely.
"""

from __future__ import annotations

from math import ceil
from time import perf_counter_ns

from osler.model import Kind, Pattern
from osler.runtime.guard import Guard
from osler.runtime.ledger import KEPT, Ledger, nothing, shortened

STEADY = 24
"""Turns without a new pattern after which the loop counts as steady."""

WINDOW = 3
"""Turns in a row that are watched closely: rules that speak after three turns see them together."""

LONGEST = 512
"""Turns between two windows at most."""

SMOOTHING = 0.2
"""Weight of the newest turn in the averages of cost and duration."""

SHORTEST = 4
"""Thinning below this saves nothing."""

class Thinning:
    """Decides which turns are watched closely.

    Attributes:
        on: the current turn is watched by its kinds alone.
        kinds: the kinds of the current turn so far.
        budget: share of the time that close watching may use.
        last_step: the step after which training is stopped, so that it is met exactly.
        pending: turns to rest, to begin with the next batch.
        woken: called when close watching begins again.
    """

    __slots__ = (
        "_close_turns", "_cost", "_guard", "_known", "_ledger", "_left", "_rest", "_since", "_spent", "budget",
        "in_batch", "kinds", "last_step", "on", "pending", "woken",
    )  # fmt: skip

    def __init__(self, guard: Guard, ledger: Ledger, budget: float) -> None:
        self.on = False
        self.kinds: list[Kind] = []
        self.budget = budget
        self.last_step = -1
        self.in_batch = False
        self.pending = 0
        self.woken = nothing
        self._guard = guard
        self._ledger = ledger
        self._left = 0
        self._known: dict[tuple[Kind, ...], Pattern] = {}
        self._close_turns = 0
        self._since = self._spent = 0
        self._cost = self._rest = 0.0

    def after_turn(self) -> None:
        """A turn was watched closely: is it time to rest?"""
        ledger = self._ledger
        now, spent = perf_counter_ns(), self._guard.nanoseconds
        self._close_turns += 1
        if self._since:
            cost, whole = spent - self._spent, now - self._since
            self._cost += SMOOTHING * (cost - self._cost) if self._cost else cost
            self._rest += SMOOTHING * (whole - cost - self._rest) if self._rest else whole - cost
        self._since, self._spent = now, spent
        if ledger.run.turns - ledger.novel < STEADY or self._close_turns < WINDOW or self._rest <= 0:
            return
        allowed = self.budget * self._rest
        pause = ceil(WINDOW * (self._cost - allowed) / allowed) if allowed > 0 else LONGEST
        if pause < SHORTEST:
            return
        self.pending = min(pause, LONGEST)
        if not ledger.in_batch:
            self.begin()

    def begin(self) -> None:
        """Rest from here on: at the hand-out of a batch, or after a step in a program without batches."""
        turns = self.pending
        self._ledger.close()
        self.pending = 0
        self._go_to_rest(turns)

    def _go_to_rest(self, turns: int) -> None:
        known = sorted(self._ledger.run.patterns, key=lambda p: p.last)
        self._known = {tuple(e.kind for e in p.events if e.kind is not Kind.USED): p for p in known}
        self._left = turns
        self.kinds = []
        self.in_batch = self._ledger.in_batch
        self.on = True

    def batch(self) -> None:
        """A new batch: the turn before it is over."""
        self.close()
        if self.on:
            self.kinds.append(Kind.BATCH)
            self.in_batch = True

    def step(self) -> None:
        """An optimizer stepped; without batches the turn is over."""
        run = self._ledger.run
        run.steps += 1
        self.kinds.append(Kind.STEP)
        if run.steps >= self.last_step >= 0:
            self._left = 0
            self.close()
        elif not self.in_batch:
            self.close()

    def close(self) -> None:
        """Count the turn as one of the pattern with the same kinds; wake up when there is none or the rest is over."""
        if not self._count() or self._left <= 0:
            self.wake()

    def pass_end(self) -> None:
        """A pass is over: whatever may change between passes is seen in the next one's first turn."""
        self.wake()
        self.pending = 0
        self._close_turns = WINDOW - 2

    def wake(self) -> None:
        """Watch closely again, from the next event on."""
        if not self.on:
            return
        self.on = False
        self._count()
        self._close_turns = self._since = self.pending = 0
        self._ledger.in_batch = self.in_batch
        self.woken()

    def _count(self) -> bool:
        """Count what was seen of a turn; false if no known pattern has these kinds."""
        if not self.kinds:
            return True
        kinds = tuple(self.kinds) if len(self.kinds) <= 2 * KEPT else shortened(self.kinds)
        self.kinds.clear()
        run = self._ledger.run
        pattern = self._known.get(kinds)
        if pattern is not None:
            pattern.seen(run.turns)
        run.turns += 1
        self._left -= 1
        return pattern is not None
