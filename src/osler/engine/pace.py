"""When the checks are asked while a program trains: at once if that costs little, else ever more rarely."""

from __future__ import annotations

from collections.abc import Callable

EARLY = 8
"""Turns after each of which the checks are asked if that costs little: most faults show in the first."""

FIRST = 4
"""Turn after which they are asked for the first time, if asking sooner would not cost little."""

GROWTH = 4
"""Factor between the turns at which they are asked, new evidence or not."""

AT_ONCE = 1
"""Times that they are asked whatever it costs: a fault that shows in the first turns is told soon."""

SHARE = 0.005
"""Share of the training time so far that this may use."""

BETWEEN = 0.001
"""Share of the training time so far that asking the checks in between may use."""


class Pace:
    """Decides after each turn whether the checks are asked.

    Args:
        trained: seconds of training so far.
        eager: they are asked in the first turns whatever it costs, because the program waits for an answer.

    Attributes:
        spent: seconds that asking has taken, and what the first answers are expected to take.
    """

    def __init__(self, trained: Callable[[], float], *, eager: bool) -> None:
        self.spent = 0.0
        self._trained = trained
        self._eager = eager
        self._next = 1 if eager else FIRST
        self._asked = 0
        self._revision = 0

    def is_news(self, revision: int) -> bool:
        """Whether there is evidence that there was not when they were asked last."""
        return revision != self._revision

    def is_time(self, turns: int, revision: int) -> bool:
        """Whether they are to be asked now.

        Args:
            turns: of the loop so far.
            revision: a number that changes when there is evidence of a new kind.
        """
        if turns >= self._next and (self._eager or self._asked < AT_ONCE or self._may_cost(SHARE)):
            self._next = turns * GROWTH
            self._asked += 1
        elif not ((turns <= EARLY or self.is_news(revision)) and self._may_cost(BETWEEN)):
            return False
        self._revision = revision
        return True

    def again_after(self, turns: int) -> None:
        """What was found is to be looked at once more after so many turns."""
        self._next = turns

    def _may_cost(self, share: float) -> bool:
        return self.spent <= share * self._trained()
