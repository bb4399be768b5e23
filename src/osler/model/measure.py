"""A measure is a named quantity with a unit; a column holds its values over the run."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import RLock

CAPACITY = 4_096
"""Values of a column that stay in memory: enough to draw a curve, and no more after a million steps."""

FRESH = 4_096
"""Values that may wait in a column until somebody settles it; then the one who adds does."""

Sink = Callable[["array[int]", "array[float]"], None]
"""Receives every settled value once: steps and values of the same length, oldest first."""


@dataclass(frozen=True, slots=True)
class Measure:
    """A named quantity. The name is the last part of the module that defines it.

    Args:
        module: ``__name__`` of the defining module.
        unit: unit of the values; empty for a pure number.
        title: what it is, in a few words.
    """

    module: str
    unit: str
    title: str

    @property
    def name(self) -> str:
        """The one name: of the file, the column and the JSON key."""
        return self.module.rpartition(".")[2]


@dataclass(frozen=True, slots=True)
class Record:
    """One value of one measure at one step.

    Attributes:
        measure: name of the measure.
        step: optimizer steps finished before it.
        value: the number, in the measure's unit.
        subject: dotted module or parameter name; empty for the whole program.
        rank: global process number.
    """

    measure: str
    step: int
    value: float
    subject: str = ""
    rank: int = 0


@dataclass(slots=True, eq=False)
class Column:
    """All values of one measure, thinned in memory once there are many.

    The thread that trains appends, to ``steps`` first and then to ``values``, without a lock and perhaps
    through bound methods that it keeps; these two arrays therefore stay the same objects. Whoever reads
    settles: values move into a history whose size is bounded and which depends on the sequence of values
    alone, so that a stored series gives the same history again.

    Attributes:
        steps: optimizer steps finished before each value that is not settled yet.
        values: the numbers that are not settled yet, in the measure's unit.
        sink: receives all values as they are settled, unthinned.
        source: brings values that wait elsewhere; asked before the column is read.
    """

    steps: array[int] = field(default_factory=lambda: array("q"))
    values: array[float] = field(default_factory=lambda: array("d"))
    sink: Sink | None = field(default=None, repr=False)
    source: Callable[[], None] | None = field(default=None, repr=False)
    _kept_steps: array[int] = field(default_factory=lambda: array("q"), init=False, repr=False)
    _kept_values: array[float] = field(default_factory=lambda: array("d"), init=False, repr=False)
    _stride: int = field(default=1, init=False, repr=False)
    _total: int = field(default=0, init=False, repr=False)
    _newest: tuple[int, float] | None = field(default=None, init=False, repr=False)
    _lock: RLock = field(default_factory=RLock, init=False, repr=False)
    _settling: bool = field(default=False, init=False, repr=False)

    def add(self, step: int, value: float) -> None:
        """Append one value."""
        self.steps.append(step)
        self.values.append(value)
        if len(self.values) >= FRESH:
            self.settle()

    def extend(self, steps: array[int], values: array[float]) -> None:
        """Append many values of one length, oldest first."""
        self.steps.extend(steps)
        self.values.extend(values)
        self.settle()

    def receive(self, steps: array[int], values: array[float]) -> None:
        """Take values that were settled elsewhere, and went to a sink there, into the history."""
        with self._lock:
            self._keep(steps, values)

    def settle(self, patience: float = -1) -> bool:
        """Move what was added into the history and to the sink.

        Args:
            patience: seconds to wait for another reader; negative means as long as it takes.

        Returns:
            False if another reader kept the column for longer.
        """
        if self.source is not None:  # before the lock: the source holds its own and then takes this one
            self.source()
        if not self._lock.acquire(timeout=patience):
            return False
        try:
            if not self._settling:  # else a signal came while this thread was settling
                self._settle()
        finally:
            self._lock.release()
        return True

    def _settle(self) -> None:
        amount = len(self.values)  # a value is there only after its step is
        if not amount:
            return
        self._settling = True
        steps, values = self.steps[:amount], self.values[:amount]
        del self.steps[:amount], self.values[:amount]
        self._keep(steps, values)
        if self.sink is not None:
            self.sink(steps, values)
        self._settling = False

    def _keep(self, steps: array[int], values: array[float]) -> None:
        total = self._total + len(values)
        while total > CAPACITY * self._stride:
            self._stride *= 2
            del self._kept_steps[1::2], self._kept_values[1::2]
        due = -self._total % self._stride
        self._kept_steps.extend(steps[due :: self._stride])
        self._kept_values.extend(values[due :: self._stride])
        self._total = total
        self._newest = (steps[-1], values[-1])

    def send_to(self, sink: Sink) -> int:
        """From now on settled values go to a sink; it receives the history at once.

        Returns:
            How many earlier values the history no longer has.
        """
        with self._lock:
            steps, values = self.history()
            if values:
                sink(steps, values)
            self.sink = sink
            return self._total - len(values)

    def history(self) -> tuple[array[int], array[float]]:
        """Steps and values from the first to the newest; of many, every 2nd, 4th, 8th … and the newest."""
        self.settle()
        with self._lock:
            steps, values = self._kept_steps[:], self._kept_values[:]
            if self._newest is not None and (self._total - 1) % self._stride:
                steps.append(self._newest[0])
                values.append(self._newest[1])
            return steps, values

    def __len__(self) -> int:
        return self.total

    @property
    def total(self) -> int:
        """How many values were ever added."""
        self.settle()
        return self._total

    @property
    def first(self) -> float | None:
        """The oldest value, None when there is none."""
        self.settle()
        return self._kept_values[0] if self._kept_values else None

    @property
    def last(self) -> float | None:
        """The newest value, None when there is none."""
        self.settle()
        return self._newest[1] if self._newest is not None else None
