"""A table takes one value of many measures at every step, at the price of one."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import RLock

from osler.model.measure import FRESH, Column, Sink


@dataclass(slots=True, eq=False)
class Table:
    """Columns that always grow together, for example one per parameter.

    What was said of `Column` about threads holds here too. Rows reach the columns when somebody reads one of
    them, or when many wait.

    Attributes:
        columns: series by name.
        steps: optimizer steps finished before each row that is not settled yet.
        values: the numbers that are not settled yet, row after row.
        sink: receives all rows as they are settled: their steps, and their values row after row.
    """

    columns: dict[str, Column]
    steps: array[int] = field(default_factory=lambda: array("q"))
    values: array[float] = field(default_factory=lambda: array("d"))
    sink: Sink | None = field(default=None, repr=False)
    _waiting_steps: array[int] = field(default_factory=lambda: array("q"), init=False, repr=False)
    _waiting_values: array[float] = field(default_factory=lambda: array("d"), init=False, repr=False)
    _lock: RLock = field(default_factory=RLock, init=False, repr=False)
    _settling: bool = field(default=False, init=False, repr=False)

    @classmethod
    def of(cls, names: Sequence[str]) -> Table:
        """A table of new columns, at least one."""
        table = cls({name: Column() for name in names})
        for column in table.columns.values():
            column.source = table.distribute
        return table

    def add(self, step: int, row: Sequence[float] | bytes) -> None:
        """Append one value per column, in their order.

        Args:
            step: optimizer steps finished before it.
            row: the numbers, or the bytes of an array of them in double precision, which is ten times faster.

        Raises:
            ValueError: there are more or fewer values than columns.
        """
        numbers = array("d", row)  # before anything is appended: converting may fail, or run Python code
        if len(numbers) != len(self.columns):
            raise ValueError(f"a row of {len(numbers)} values for {len(self.columns)} columns")
        self.steps.append(step)
        self.values.extend(numbers)
        if len(self.steps) >= FRESH:
            self.settle()

    def settle(self, patience: float = -1) -> bool:
        """Move rows to the sink and towards the columns; False if another reader kept the table for longer.

        Args:
            patience: seconds to wait for another reader; negative means as long as it takes.
        """
        if not self._lock.acquire(timeout=patience):
            return False
        try:
            if not self._settling:  # else a signal came while this thread was settling
                self._settle()
        finally:
            self._lock.release()
        return True

    def _settle(self) -> None:
        width = len(self.columns)
        rows = len(self.values) // width  # a row is there only after its step is
        if not rows:
            return
        self._settling = True
        steps, values = self.steps[:rows], self.values[: rows * width]
        del self.steps[:rows], self.values[: rows * width]
        if self.sink is not None:
            self.sink(steps, values)
        self._waiting_steps.extend(steps)
        self._waiting_values.extend(values)
        if len(self._waiting_steps) >= FRESH:
            self._split()
        self._settling = False

    def distribute(self) -> None:
        """Bring every row to its columns."""
        with self._lock:
            self.settle()
            if self._waiting_steps and not self._settling:
                self._settling = True
                self._split()
                self._settling = False

    def _split(self) -> None:
        steps, values = self._waiting_steps, self._waiting_values
        self._waiting_steps, self._waiting_values = array("q"), array("d")
        width = len(self.columns)
        for number, column in enumerate(self.columns.values()):
            column.receive(steps, values[number::width])

    def send_to(self, sink: Sink) -> None:
        """From now on settled rows go to a sink; called before the first row."""
        self.sink = sink
