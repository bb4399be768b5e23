"""A measure is a named quantity with a unit; a column holds its values over the run."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field


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


@dataclass(slots=True)
class Column:
    """All values of one measure, oldest first.

    Attributes:
        steps: optimizer steps finished before each value.
        values: the numbers, in the measure's unit.
    """

    steps: array[int] = field(default_factory=lambda: array("q"))
    values: array[float] = field(default_factory=lambda: array("d"))

    def add(self, step: int, value: float) -> None:
        """Append one value."""
        self.steps.append(step)
        self.values.append(value)

    def __len__(self) -> int:
        return len(self.values)

    @property
    def last(self) -> float | None:
        """The newest value, None when there is none."""
        return self.values[-1] if self.values else None
