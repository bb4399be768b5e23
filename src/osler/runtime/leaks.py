"""Does an optimizer step on gradients that were computed for another one's step?

A backward leaves gradients in everything that it goes through. If one optimizer has stepped on them and they
are still untouched in the parameters of a second one when a backward of its own adds to them, the second
steps on both.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from osler.model import LeakFact, Run, Site
from osler.runtime.gradients import Holder
from osler.runtime.marks import mark


class Leaks:
    """Follows gradients from backward to step where there are several optimizers.

    Args:
        run: the evidence that grows.
    """

    def __init__(self, run: Run) -> None:
        self._run = run

    def before_backward(self, holders: Iterable[Holder]) -> None:
        """Forget what somebody has cleared or changed since it was left behind."""
        for holder in holders:
            if holder.left is not None and not is_untouched(holder):
                holder.left = None

    def reached(self, holder: Holder, site: Site) -> None:
        """A backward has reached these parameters."""
        holder.leaked = holder.leaked or holder.left
        holder.source = site

    def stepped(self, holder: Holder, holders: Iterable[Holder], site: Site) -> None:
        """An optimizer has stepped; what it stepped on is noted with the others that hold it as well."""
        if holder.leaked is not None:
            self._write(holder, holder.leaked, site)
        for other in holders:
            same = other.fresh and other.number == holder.number
            if other is not holder and same and is_untouched(other):
                other.left = (holder.source, holder.name)

    def _write(self, holder: Holder, leaked: tuple[Site, str], site: Site) -> None:
        source, other = leaked
        key = (holder.name, source)
        fact = LeakFact(holder.name, other, source, holder.source, site, 0, self._run.steps)
        known = self._run.leaks.get(key, fact)
        self._run.leaks[key] = replace(known, times=known.times + 1)


def is_untouched(holder: Holder) -> bool:
    """Whether a gradient is still what the last backward that reached it had left."""
    if not holder.probes:
        return False
    now = mark(holder.probes[0].grad)
    return now is not None and now == holder.after
