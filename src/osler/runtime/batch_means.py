"""Does a variable hold a mean of means of batches that is not the mean of the samples?

While nothing is trained, the mean that each loss call returns is added up as a script would do it, once as it
is and once times the size of its batch. When training goes on, the user's variables are searched for the
result: a number that agrees in all digits with the one and not with the other says how it was averaged.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite
from types import FrameType

import torch
from torch import Tensor

from osler.model import BatchMeansFact, Run, Site
from osler.runtime.outputs import attributes
from osler.runtime.registry import plain
from osler.runtime.userlines import UserLines
from osler.runtime.variables import variables_of

CALLS = 4_096
"""Loss calls that are looked at in all."""

LOOKS = 6
"""Evaluations at one line after which it is not looked at any more."""

CALLERS = 4
"""The user's functions whose variables are searched, from the innermost outwards."""

MOST = 256
"""Variables of one function that are searched."""

EXACT, SINGLE = 1e-12, 1e-6
"""Relative error of a sum in Python's numbers, and of one in single precision."""

CLEAR = 20.0
"""Errors that lie between two averages at least, or they are not told apart."""


@dataclass(slots=True)
class Sums:
    """What the batches of one evaluation came to.

    Attributes:
        plain: sum of the means.
        weighted: sum of the means, each times the size of its batch.
        samples: of all batches.
        batches: their number.
        size: samples in the first batch.
        last: samples in the last.
        is_even: all batches but the last are as large as the first, and the last is no larger.
    """

    plain: float = 0.0
    weighted: float = 0.0
    samples: int = 0
    batches: int = 0
    size: int = 0
    last: int = 0
    is_even: bool = True

    def add(self, mean: float, size: int) -> None:
        """One more batch."""
        self.size = self.size or size
        self.is_even = self.is_even and size <= self.size and (not self.batches or self.last == self.size)
        self.plain += mean
        self.weighted += mean * size
        self.samples += size
        self.batches += 1
        self.last = size


class BatchMeans:
    """Follows the losses of evaluations, by the line that computes them.

    Args:
        run: the evidence that grows.
        lines: tells the user's lines.

    Attributes:
        left: loss calls that are still looked at: an evaluation at rest is to stay as cheap as it was.
        pending: evaluations under way or just over.
    """

    def __init__(self, run: Run, lines: UserLines) -> None:
        self._run = run
        self._lines = lines
        self.left = CALLS
        self.pending: dict[Site, Sums] = {}
        self._looks: dict[Site, int] = {}

    def add(self, loss: object, given: dict[str, object], frame: FrameType) -> None:
        """A loss was computed and nothing will be learned from it."""
        self.left -= 1
        site = self._lines.site(frame)
        if not site or site in self._run.batch_means or self._looks.get(site, 0) >= LOOKS:
            return
        size = samples_in(given)
        if not size or not isinstance(loss, Tensor) or loss.dim() or not loss.is_cpu or not plain(loss):
            return
        known = self.pending.get(site)
        if known is not None and known.last < known.size:  # after a smaller one another evaluation begins
            self.over(frame)
        self.pending.setdefault(site, Sums()).add(float(loss.detach()), size)

    def over(self, frame: FrameType | None) -> None:
        """Training goes on, or all has ended: what has become of the means?"""
        sums, self.pending = self.pending, {}
        for site, found in sums.items():
            self._looks[site] = self._looks.get(site, 0) + 1
            if found.is_even and found.batches > 1 and isfinite(found.plain):
                fact = self._held(site, found, frame)
                if fact is not None:
                    self._run.batch_means.setdefault(site, fact)

    def _held(self, site: Site, sums: Sums, frame: FrameType | None) -> BatchMeansFact | None:
        """The variable that holds the one average, if none holds the other."""
        weighted = sums.weighted / sums.samples
        wrong = {False: sums.plain / sums.batches, True: sums.plain / sums.samples}
        found: BatchMeansFact | None = None
        for name, number, error in self._numbers(frame):
            if is_near(number, weighted, error):
                return None
            for by_samples, value in wrong.items():
                apart = abs(value - weighted) > CLEAR * error * abs(weighted)
                if found is None and apart and is_near(number, value, error):
                    found = BatchMeansFact(
                        site, name, sums.batches, sums.size, sums.last, value, weighted, by_samples
                    )
        return found

    def _numbers(self, frame: FrameType | None) -> Iterator[tuple[str, float, float]]:
        """Numbers in the user's variables, with their names and errors; those of the script at its end."""
        if frame is None:
            yield from numbers(dict(vars(sys.modules["__main__"])))
            return
        seen = 0
        while frame is not None and seen < CALLERS:
            if self._lines.kind(frame.f_code):
                seen += 1
                yield from numbers(variables_of(frame))
            frame = frame.f_back


def samples_in(given: dict[str, object]) -> int:
    """Samples over which a loss function takes the plain mean; 0 if it weighs them, or takes no mean."""
    scores, target = given.get("input"), given.get("target")
    if given.get("reduction", "mean") != "mean" or given.get("weight") is not None:
        return 0
    if not isinstance(scores, Tensor) or not isinstance(target, Tensor) or scores.dim() < 1:
        return 0
    ignored = given.get("ignore_index")
    if isinstance(ignored, int) and target.dtype == torch.int64 and bool((target == ignored).any()):
        return 0
    return scores.shape[0]


def numbers(variables: dict[str, object]) -> Iterator[tuple[str, float, float]]:
    """Numbers that variables hold, and the newest ones in their lists and dicts."""
    everything = [*variables.items(), *attributes(variables.get("self"))]
    for name, value in everything[:MOST]:
        if isinstance(value, dict):
            inside = list(value.items())[:MOST]  # pyright: ignore
            entries = [(f"{name}[{key!r}]", entry) for key, entry in inside]  # pyright: ignore
        else:
            entries = [(name, value)]
        for spelled, entry in entries:
            if isinstance(entry, list) and entry:
                spelled, entry = f"{spelled}[-1]", entry[-1]  # pyright: ignore
            if isinstance(entry, float):
                yield spelled, float(entry), EXACT
            elif isinstance(entry, Tensor) and not entry.dim() and entry.is_cpu and plain(entry):
                yield spelled, float(entry.detach()), SINGLE


def is_near(number: float, value: float, error: float) -> bool:
    """Whether a number is this value, but for rounding."""
    return abs(number - value) <= error * abs(value)
