"""Take the measures when an event happens and put their values into the columns of the run."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter_ns

from torch import Tensor

from osler.model import BY_HAND, Column, Histogram, Kind, Run, Site
from osler.model.histogram import BELOW
from osler.runtime.guard import Gate, Guard
from osler.runtime.many import Later, Many, series
from osler.runtime.measures import Copied, Moment, Taken, Taker, takers
from osler.runtime.sampling import Sampling

Way = tuple[bool, Callable[[int], None], Callable[[float], None]]
"""Whether a measure is the number that was noted, not the seconds; how its step and value are added."""

BACKWARD = Kind.BACKWARD
"""A name of this module is found faster than a member of an enumeration."""


class Measuring:
    """All measures of one program.

    Args:
        run: the evidence that grows.
        guard: of the session.
        budget: share of the time that sampled work may use.
        name_of: the name of a parameter.

    Attributes:
        moment: what is at hand; filled by the probe ahead of `take`.
        subject: what is measured now, where a program has several of it; empty for the first.
        several: kinds of events whose measures are about more than one thing.
        later: values that are still on an accelerator.
        on_histogram: receives a measure's name, the step and a histogram.
        on_column: told of each new series and its column.
        began: when the first event happened, in nanoseconds; 0 before.
        latest: when the latest one did.
    """

    def __init__(self, run: Run, guard: Guard, budget: float, name_of: Callable[[Tensor], str]) -> None:
        self.moment = Moment(name_of=name_of)
        self.later = Later(self.add)
        self.on_histogram: Callable[[str, int, Histogram], None] = no_histogram
        self.subject = ""
        self.several: set[Kind] = set()
        self.on_column: Callable[[str, Column], None] = no_recorder
        self.began = self.latest = 0
        self._run = run
        self._guard = guard
        self._takers = takers().by_kind
        self._comparing = {k: [t for t in those if t.ahead is not None] for k, those in self._takers.items()}
        self._copying = 0
        self._early: dict[str, Taken] = {}
        self._aside: list[Copied] = []
        self._sampling = Sampling(budget, sum(t.sampled for kind in self._takers.values() for t in kind))
        self._resting: dict[tuple[Kind, str], list[Way]] = {}
        self._ways: dict[str, tuple[Callable[[int], None], Callable[[float], None]]] = {}
        self._first: dict[Kind, str] = {}
        self._gates: dict[str, Gate] = {}
        self._stepped = 0

    def arrived(self) -> None:
        """An event happens now."""
        self.latest = perf_counter_ns()
        if not self.began:
            self.began = self.latest

    @property
    def nanoseconds(self) -> int:
        """From the first event to the latest."""
        return self.latest - self.began

    def sampled(self) -> int:
        """Nanoseconds that the sampled measures have taken."""
        return self._sampling.nanoseconds

    def ahead(self, kind: Kind) -> None:
        """An event is about to happen: copy what a measure that is due must know of the time before it."""
        self.moment.before = []  # a step that raised has left its copies
        for taker in self._comparing.get(kind, ()):
            if self._sampling.is_due(series(taker.name, self.subject), self._run.turns, self._usual):
                start = perf_counter_ns()
                self._gate(taker).within(self._copy, taker)
                self._copying = perf_counter_ns() - start

    def _copy(self, taker: Taker) -> None:
        if taker.ahead is not None:
            self.moment.before = taker.ahead(self.moment)

    def take(self, kind: Kind) -> None:
        """Take the measures that belong to this kind of event, the sampled ones if they are due."""
        for taker in self._takers.get(kind, ()):
            if not taker.sampled:
                self.keep(taker.name, taker.take(self.moment))
            elif taker.early and self.moment.loose:
                self.keep(taker.name, self._early.get(taker.name))
            elif taker.ahead is not None:
                if self.moment.before:
                    self.sample(taker, self._copying)
                    self.moment.before = []
            elif self._sampling.is_due(series(taker.name, self.subject), self._run.turns, self._usual):
                self.sample(taker)

    def before_hand(self, parameters: list[Tensor]) -> None:
        """A backward is over, and a hand may step on these: measure what only shows now, whatever follows."""
        if not parameters:
            return
        self._early = {}
        self.about(Kind.STEP, BY_HAND)
        self.moment.loose = parameters
        self.ahead(Kind.STEP)
        for taker in self._takers[Kind.STEP]:
            name = series(taker.name, self.subject)
            if taker.ahead is not None and self.moment.before:
                self.took(name, self._copying)
                self._copying = 0
            elif taker.early and self._sampling.is_due(name, self._run.turns, self._usual):
                start = perf_counter_ns()
                self._gate(taker).within(self._take_early, taker)
                self.took(name, perf_counter_ns() - start, self._early.get(taker.name))
        self._aside, self.moment.before = self.moment.before, []  # an optimizer may step ahead of the hand
        self.moment.loose = []

    def _take_early(self, taker: Taker) -> None:
        self._early[taker.name] = taker.take(self.moment)

    def stepped_by_hand(self, parameters: list[Tensor]) -> None:
        """A hand has stepped on these: take the measures of a step."""
        self.about(Kind.STEP, BY_HAND)
        self.moment.loose, self.moment.seconds = parameters, self.since_step(perf_counter_ns())
        self.moment.before = self._aside
        self.take(Kind.STEP)
        self.moment.loose, self._early, self._aside = [], {}, []

    def _gate(self, taker: Taker) -> Gate:
        name = taker.name
        return self._gates.get(name) or self._gates.setdefault(name, self._guard.gate(f"the measure {name}"))

    def sample(self, taker: Taker, copying: int = 0) -> None:
        """Take a sampled measure and note what it cost.

        Args:
            taker: of the measure.
            copying: nanoseconds that it has cost already.
        """
        start = perf_counter_ns() - copying
        value = self._gate(taker).within(self._take, taker)
        self.took(series(taker.name, self.subject), perf_counter_ns() - start, value)

    def took(self, name: str, nanoseconds: int, value: Taken = None) -> None:
        """Note what a sampled measure has cost."""
        unseen = isinstance(value, Many) and not value.values.is_cpu
        self._sampling.took(name, self._run.turns, nanoseconds, self._usual(), unseen=unseen)

    def _usual(self) -> float:
        """Nanoseconds of a turn; 0 in the first."""
        return self.nanoseconds / self._run.turns if self._run.turns else 0.0

    def _take(self, taker: Taker) -> Taken:
        """In a gate of its own: what goes wrong here must not end the watching of steps or losses."""
        value = taker.take(self.moment)
        self.keep(taker.name, value)
        return value

    def about(self, kind: Kind, name: str) -> None:
        """What the measures of an event are about: the first loader, loss or optimizer needs no mention."""
        self.subject = "" if self._first.setdefault(kind, name) == name else name
        if self.subject:
            self.several.add(kind)

    def at(self, kind: Kind, site: Site) -> None:
        """The measures of an event are about a line of the script."""
        self.about(kind, f"{site[0].file.rpartition('/')[2]}:{site[0].line}" if site else "")

    def keep(self, name: str, value: Taken) -> None:
        """Put what was measured where it belongs."""
        if isinstance(value, Many):
            whole = tuple(subject or self.subject for subject in value.subjects)
            self.later.put(name, Many(whole, value.values), self._run.steps)
        elif isinstance(value, Histogram):
            self.on_histogram(series(name, self.subject), self._run.steps, value)
            if value.below:
                below = Histogram(value.below, negatives=value.negatives)
                self.on_histogram(series(name + BELOW, self.subject), self._run.steps, below)
        elif value is not None:
            self.add(series(name, self.subject), value)

    def add(self, name: str, value: float, step: int | None = None) -> None:
        """Append one value of a measure, at the current step unless another is given."""
        column = self._run.columns.get(name)
        if column is None:
            column = self._run.columns[name] = Column()
            self.on_column(name, column)
        column.add(self._run.steps if step is None else step, value)

    def recall(self, kind: Kind, name: str, number: float | None, seconds: float) -> None:
        """Take the measures of an event that was noted while the watcher rested.

        Args:
            kind: of the event.
            name: what it is about: a loader or an optimizer, or the subject of a loss.
            number: length of the batch, learning rate or loss.
            seconds: as in `Moment`.
        """
        if kind is BACKWARD:
            self.subject = name
            if number is not None:
                self.keep_lightly("loss", number)
            return
        step = self._run.steps
        for is_number, add_step, add_value in self._resting.get((kind, name)) or self.ways(kind, name):
            value = number if is_number else seconds or None
            if value is not None:
                add_step(step)
                add_value(value)

    def ways(self, kind: Kind, name: str) -> list[Way]:
        """The measures of an event that have a column, with the ways into it; looked up once."""
        self.about(kind, name)
        columns = self._run.columns
        steady = [(t, series(t.name, self.subject)) for t in self._takers.get(kind, ()) if t.noted]
        pairs = [(t, c) for t, key in steady if (c := columns.get(key)) is not None]
        found = [(t.noted == "number", c.steps.append, c.values.append) for t, c in pairs]
        self._resting[kind, name] = found
        return found

    def keep_lightly(self, name: str, value: float) -> None:
        """Put a value that was read while the watcher rests where it belongs."""
        ways = None if self.subject else self._ways.get(name)
        if ways is not None:
            ways[0](self._run.steps)
            ways[1](value)
            return
        self.keep(name, value)
        if not self.subject:
            column = self._run.columns[name]
            self._ways[name] = (column.steps.append, column.values.append)

    def since_step(self, now: int) -> float:
        """Seconds since the step before; 0 at the first."""
        before, self._stepped = self._stepped, now
        self.latest = now
        return (now - before) / 1e9 if before else 0.0


def no_histogram(name: str, step: int, counts: Histogram) -> None:
    """Histograms are only recorded."""


def no_recorder(name: str, column: Column) -> None:
    """Nobody records the series."""
