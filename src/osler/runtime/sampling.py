"""Decide when a measure that costs something is taken: as often as the budget allows."""

from __future__ import annotations

from math import ceil

SHARE = 0.2
"""Share of the budget that all sampled measures together may use."""

AT_FIRST = 4
"""Turns after the first, whose duration is not known yet."""

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

    def is_due(self, name: str, turn: int) -> bool:
        """Whether the measure may be taken in this turn; always in the first."""
        return turn >= self._next.get(name, 0)

    def took(self, name: str, turn: int, cost: int, usual: float, *, unseen: bool) -> None:
        """The measure was taken.

        Args:
            name: of the measure.
            turn: number of this turn of the loop.
            cost: nanoseconds that it took.
            usual: nanoseconds of a turn; 0 if not known yet.
            unseen: the work was given to an accelerator.
        """
        spent = self._spent[name] = (
            self._spent.get(name, 0) + cost
        )  # the first take costs far more than others
        sharing = max(self._measures, len(self._spent))  # those with several subjects count for each
        allowed = self._budget / sharing * usual
        due = ceil(spent / allowed) if allowed > 0 else turn + AT_FIRST
        self._next[name] = min(max(due, turn + (UNSEEN if unseen else 1)), turn + LONGEST)
