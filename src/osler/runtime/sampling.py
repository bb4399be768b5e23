"""Decide when a measure that costs something is taken: as often as the budget allows."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil

SHARE = 0.2
"""Share of the budget that all sampled measures together may use."""

AT_FIRST = 4
"""Turns after which it is known how long one takes, and so how much may be spent on it."""

TRIFLE = 2_000_000
"""Nanoseconds that a measure may have cost and still be taken again then, whatever a turn takes."""

UNSEEN = 50
"""Turns between two takes on an accelerator, whose own time cannot be seen without waiting for it."""

LONGEST = 10_000
"""Turns between two takes at most."""


class Sampling:
    """The next turn of each sampled measure.

    Args:
        budget: share of the time that sampled work may use.
        measures: how many share it.
    """

    def __init__(self, budget: float, measures: int) -> None:
        self._budget = SHARE * budget
        self._measures = max(1, measures)
        self._next: dict[str, int] = {}
        self._spent: dict[str, int] = {}
        self._undecided: set[str] = set()

    @property
    def nanoseconds(self) -> int:
        """Time that all of them have taken."""
        return sum(self._spent.values())

    def is_due(self, name: str, turn: int, usual: Callable[[], float]) -> bool:
        """Whether the measure may be taken in this turn; always in the first.

        Args:
            name: of the measure.
            turn: number of this turn of the loop.
            usual: tells the nanoseconds of a turn, 0 if not known yet; rarely asked.
        """
        if turn < self._next.get(name, 0):
            return False
        if name not in self._undecided or not (known := usual()):
            return True
        self._undecided.remove(name)
        if self._spent[name] > TRIFLE:
            self._next[name] = self._affordable(name, turn, known)
        return turn >= self._next[name]

    def _affordable(self, name: str, turn: int, usual: float) -> int:
        """The turn by which what the measure has cost so far is within its share."""
        sharing = max(self._measures, len(self._spent))  # those with several subjects count for each
        allowed = self._budget / sharing * usual
        return min(ceil(self._spent[name] / allowed), turn + LONGEST) if allowed > 0 else turn

    def took(self, name: str, turn: int, cost: int, usual: float, *, unseen: bool) -> None:
        """The measure was taken.

        Args:
            name: of the measure.
            turn: number of this turn of the loop.
            cost: nanoseconds that it took.
            usual: nanoseconds of a turn; 0 if not known yet.
            unseen: the work was given to an accelerator.
        """
        self._spent[name] = self._spent.get(name, 0) + cost  # the first take costs far more than others
        if usual:
            due = self._affordable(name, turn, usual)
        else:
            due = turn + AT_FIRST
            self._undecided.add(name)
        self._next[name] = max(due, turn + (UNSEEN if unseen else 1))
