"""Keep the overhead contract on tiny models: once the loop is steady, look closely at only some of its turns.

Between two close windows a turn is watched by its kinds of events alone, and by the mode that `train()` and
`eval()` set. If their order is that of a known pattern the turn is counted as one of it; anything else
wakes the watcher. Loss, learning rate, sizes and times are recorded in every turn. On models whose steps
take long enough the budget is never exceeded and every turn is watched closely.

At rest an event is one entry in a log, and the log is read many turns at a time: between two operations of
torch the caches are cold, and most of what a handler costs is fetching it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from math import ceil
from threading import get_ident
from time import perf_counter_ns

from osler.model import Kind, Pattern
from osler.runtime.guard import Guard
from osler.runtime.ledger import LONGEST_TURN, Ledger, nothing, shortened

STEADY = 8
"""Turns without a new pattern after which the loop counts as steady."""

WINDOW = 3
"""Turns in a row that are watched closely: rules that speak after three turns see them together."""

LONGEST = 1_024
"""Turns between two windows at most."""

CLOSE = 0.6
"""Share of the budget up to which every turn is watched closely: measures and the record need theirs."""

AIM = 0.2
"""Share of the budget that is aimed at: what a window costs is only known afterwards."""

VIGIL = 256
"""Turns to stay awake for a form of turn that was met at rest: one that comes every hundred steps is seen."""

VIGILS = 2
"""Times that this is done for one form: one that comes less often would keep the watcher awake for good."""

STRANGERS = 16
"""Networks first called at rest that wake the watcher: one that is copied anew in every epoch does not."""

SMOOTHING = 0.2
"""Weight of the newest turn in the averages of cost and duration."""

SHORTEST = 4
"""Thinning below this saves nothing."""

PERIOD = 100_000_000
"""Nanoseconds after which the log is read: who looks at a run while it trains is not far behind."""

MOST = 1_024
"""Entries after which it is read."""

BATCH, STEP, BACKWARD, FORWARD = Kind.BATCH, Kind.STEP, Kind.BACKWARD, Kind.FORWARD
"""Names of this module are found faster than members of an enumeration."""

Entry = tuple[Kind, str, float | None, float]
"""A batch, step or backward in the log: kind, and name, number and seconds as in `Measuring.recall`."""


class Thinning:
    """Decides which turns are watched closely.

    Attributes:
        on: the current turn is watched by its kinds alone.
        log: what happened since it was read: kinds, a mode change with its mode, entries with numbers.
        recall: called with each entry that has numbers.
        met: identities of the networks that were called.
        kinds: the kinds of the current turn, as far as the log was read.
        budget: share of the time that close watching may use.
        last_step: the step after which training is stopped, so that it is met exactly.
        mark: position in the log at which the current turn begins.
        loose: a step outside of any batch is in the log.
        pending: turns to rest, to begin with the next batch.
        woken: called when close watching begins again.
        measures: tells the time that sampled measures have taken.
        nanoseconds: time that the windows between two rests have taken, without those measures.
    """

    def __init__(self, guard: Guard, ledger: Ledger, budget: float) -> None:
        self.on = False
        self.log: list[str | Entry] = []
        self.recall: Callable[[Kind, str, float | None, float], None] = nothing_measured
        self.met: set[int] = set()
        self.kinds: list[str] = []
        self.budget = budget
        self.last_step = -1
        self.in_batch = self.loose = False
        self.mark = self.pending = 0
        self.woken = nothing
        self.measures = no_measures
        self.nanoseconds = 0
        self._guard = guard
        self._ledger = ledger
        self._run = ledger.run
        self._known: dict[tuple[str, ...], Pattern] = {}
        self._missed: set[tuple[str, ...]] = set()
        self._vigils: Counter[tuple[str, ...]] = Counter()
        self._usual: list[str] | None = None
        self._pattern: Pattern | None = None
        self._again = 0
        self._left = self._close_turns = self._since = self._spent = self._due = 0
        self._cost = self._rest = 0.0
        self._ends: set[tuple[int, str]] = set()
        self._reading = self._waking = False
        self._strangers = 0
        self._awake_since: int | None = None
        guard.log, guard.read = self.log, self.read  # pyright: ignore[reportAttributeAccessIssue]

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
        if self._missed and self._keeps_vigil():
            return
        if self._close_turns <= VIGIL and self._awaits_training():
            return
        if self._cost <= CLOSE * self.budget * self._rest:
            return
        allowed = AIM * self.budget * self._rest
        pause = ceil(WINDOW * (self._cost - allowed) / allowed) if allowed > 0 else LONGEST
        if pause < SHORTEST:
            return
        self.pending = min(pause, LONGEST)
        if ledger.at_step:
            self.begin()

    def _keeps_vigil(self) -> bool:
        """Whether to stay awake for a form of turn that was only met at rest, such as a rare evaluation."""
        self._missed -= {tuple(signs(p)) for p in self._ledger.run.patterns}
        if self._close_turns > VIGIL:
            self._vigils.update(self._missed)
            self._missed.clear()
        return bool(self._missed)

    def _awaits_training(self) -> bool:
        """Whether modes were switched in a new way and no step has been seen since: was training resumed?"""
        switched = self._ledger.switched
        patterns = reversed(self._ledger.run.patterns)
        return switched >= 0 and not any(p.last > switched and has_step(p) for p in patterns)

    def begin(self) -> None:
        """Rest from here on: at the hand-out of a batch, or after a step in a program without batches."""
        turns = self.pending
        self._ledger.close()
        self.pending = 0
        if self._awake_since is not None:
            self.nanoseconds += self._guard.nanoseconds - self.measures() - self._awake_since
        self._go_to_rest(turns)

    def _go_to_rest(self, turns: int) -> None:
        known = sorted(self._ledger.run.patterns, key=lambda p: p.last)
        self._known = {tuple(signs(p)): p for p in known}
        self._ends = {(len(kinds), kinds[-1]) for kinds in self._known if kinds}
        self._missed -= self._known.keys()
        self._left = turns
        self.kinds = []
        self.log.clear()
        self.mark = 0
        self._due = perf_counter_ns() + PERIOD
        self._usual = self._pattern = None
        self.in_batch = self._ledger.in_batch
        self.on = True

    def note(self, kind: str) -> None:
        """Something happened in the thread that is watched; not Osler's own doing. Nothing here can fail."""
        guard, start = self._guard, perf_counter_ns()
        if get_ident() == guard.owner and not guard.busy:
            self.log.append(kind)
            guard.nanoseconds += perf_counter_ns() - start

    def called(self, module: int) -> None:
        """A network was called: the next turns are watched closely if it never was before."""
        guard, start = self._guard, perf_counter_ns()
        if get_ident() == guard.owner and not guard.busy:
            self.log.append(FORWARD)
            if module not in self.met:
                self.met.add(module)
                if self._strangers < STRANGERS:
                    self._strangers += 1
                    self._waking, self._due = True, 0
            guard.nanoseconds += perf_counter_ns() - start

    def is_due(self, now: int) -> bool:
        """Whether the log is to be read, at the end of a turn: at once if no known turn resembles it."""
        log = self.log
        size = len(log)
        if not size or now >= self._due or size >= MOST:
            return size > 0
        last = log[-1]
        return (size - self.mark, last[0] if type(last) is tuple else last) not in self._ends

    def read(self) -> None:
        """Take the log into the evidence, in the order in which it all happened."""
        entries = self.log.copy()
        self.log.clear()
        self.mark = 0
        self._reading = True
        try:
            for entry in entries:
                if type(entry) is not tuple:
                    self.kinds.append(entry)  # pyright: ignore[reportArgumentType]
                elif entry[0] is BATCH:
                    self.batch()
                    self.recall(*entry)
                elif entry[0] is STEP:
                    self.recall(*entry)
                    self.step()
                else:
                    self.recall(*entry)
                    self._run.backwards += 1
                    self.kinds.append(BACKWARD)
            entries.clear()
        finally:
            self._reading = False
            if entries:  # a fault of ours: no rest without a log
                self.on = False

    def settle(self) -> None:
        """A turn is over: read the log, and wake if it says so."""
        if not self.on:
            return
        self.read()
        self.loose = False
        self._due = perf_counter_ns() + PERIOD
        if self._waking:
            self.wake()
        else:
            self.close()

    def catch_up(self) -> None:
        """Read the log in the middle of a turn; wake only at the last step."""
        self.read()
        if self._run.steps >= self.last_step >= 0:
            self.wake()

    def batch(self) -> None:
        """A new batch: the turn before it is over."""
        kinds = self.kinds
        if kinds == self._usual and self._left > 1:  # almost always; counted when something else comes
            self._again += 1
            self._left -= 1
            self._run.turns += 1
            kinds.clear()
            kinds.append(BATCH)
            return
        self.close()
        if self.on:
            self.kinds.append(BATCH)
            self.in_batch = True

    def step(self) -> None:
        """An optimizer stepped; without batches the turn is over."""
        run = self._run
        run.steps += 1
        self.kinds.append(STEP)
        if run.steps >= self.last_step >= 0:
            self._left = 0
            self.close()
        elif not self.in_batch or (len(self.kinds) >= LONGEST_TURN and not self._shorten()):
            self.close()

    def _shorten(self) -> bool:
        """Keep a turn of thousands of steps small; false if it does not repeat itself."""
        self.kinds = list(shortened(self.kinds))
        return len(self.kinds) <= LONGEST_TURN // 2

    def close(self) -> None:
        """Count the turn as one of the pattern with its kinds; wake if there is none or the rest is over."""
        if not self._count() or self._left <= 0:
            self.wake()

    def pass_end(self) -> bool:
        """A pass is over; true if the watcher goes on resting."""
        self.settle()
        if not self.on:
            return False
        if self._missed or not any(kinds[0] == Kind.PASS_END for kinds in self._known if kinds):
            self.wake()  # something that follows a pass has never been looked at
        if not self.on:
            return False
        self.kinds.append(Kind.PASS_END)
        self.in_batch = False
        self._ledger.run.passes += 1
        return True

    def wake(self) -> None:
        """Watch closely again, from the next event on."""
        if not self.on:
            return
        if self._reading:  # at the end of the turn that is being noted now
            self._waking, self._due = True, 0
            return
        self.read()
        self.on = self._waking = False
        self._count()
        self._close_turns = self._since = self.pending = 0
        self._ledger.in_batch = self.in_batch
        self._awake_since = self._guard.nanoseconds - self.measures()
        self.woken()

    def attend(self) -> None:
        """Something is to be seen in the next turns: watch them closely."""
        self.wake()
        self._close_turns = self.pending = 0

    def _count(self) -> bool:
        """Count what was seen of a turn; false if no known pattern has these kinds."""
        run = self._run
        if self._pattern is not None and self._again:
            self._pattern.seen(run.turns - self._again, self._again)
            self._again = 0
        if not self.kinds:
            return True
        kinds = tuple(self.kinds)
        self.kinds.clear()
        pattern = self._known.get(kinds)
        if pattern is None:
            pattern = self._known.get(shortened(list(kinds)))
        if pattern is not None:
            pattern.seen(run.turns)
            self._usual, self._pattern = list(kinds), pattern
        elif self._vigils[kinds] < VIGILS:
            self._missed.add(kinds)
        run.turns += 1
        self._left -= 1
        return pattern is not None


def no_measures() -> int:
    """Nobody takes measures: they have taken no time."""
    return 0


def nothing_measured(kind: Kind, name: str, number: float | None, seconds: float) -> None:
    """Nobody takes measures."""


def has_step(pattern: Pattern) -> bool:
    """Whether parameters are stepped in this turn."""
    return any(e.kind is STEP for e in pattern.events)


def signs(pattern: Pattern) -> Iterator[str]:
    """What a resting watcher sees of a turn like this."""
    for event in pattern.events:
        if event.kind is Kind.MODE:
            yield sign_of_mode("train" in event.traits)
        elif event.kind is not Kind.USED:
            yield event.kind


def sign_of_mode(training: bool) -> str:
    """What a resting watcher keeps of a mode change."""
    return f"{Kind.MODE}:{'train' if training else 'eval'}"
