"""Does the loss of the first batches fall at the script's own learning rate, or only at a lower one?

The same batches in the same order from the same state, once with the weights held, then at the script's own
learning rate, and only if the loss does not fall at a tenth of it and less. The learning rate is multiplied
while an optimizer steps and at no other time, so schedules and loops that set it do what they always do.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import ceil, isfinite
from statistics import fmean, variance
from typing import Any

import torch
from torch import Tensor
from torch.optim import LBFGS, Optimizer
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

from osler.model import Site, counted
from osler.model.setup import Curve
from osler.model.setupfacts import TooHighRateFact
from osler.preflight.bench import Bench
from osler.preflight.contract import UNKNOWN
from osler.preflight.experiments import initial_loss
from osler.preflight.memorise import cannot_steer, has_floor
from osler.preflight.outcome import Outcome, Steps
from osler.replay.turn import Seen, Turn

QUESTION = "does the loss fall at the script's own learning rate, or only at a lower one?"
COST = 40
TURNS = 200
"""Optimizer steps at each learning rate: a spike in the first ones is recovered from by then. Twice as many
are made at the script's own while the loss is on its way down."""

LOSSES = 10
"""Losses that are compared one by one, at least: by chance all ten fall once in a thousand times."""

PARTS = (1 / 10, 1 / 100, 1 / 1000)
"""Of the script's own learning rate, tried one after the other where it does not do."""

LITTLE = 0.02
"""Share of the loss by which it must fall at the script's own learning rate to count as learning."""

CLEARLY = 0.1
"""Share of the loss by which it must fall at a lower learning rate."""

SURE, SURER = 2.0, 3.0
"""Standard errors of differences between losses of the same batches from which on they have fallen, or
still fall."""

LONGEST = 16
"""Turns to an optimizer step that are waited for in full."""

GUESSES = 0.5
"""Share of the loss of a guess below which the model had learned before."""


def reason(bench: Bench) -> str:  # noqa: PLR0911
    """Why it cannot be asked."""
    if blocked := cannot_steer(bench):
        return blocked
    if (teams := bench.teams) > 1:
        return f"{teams} optimizers take turns, and one may work against another on purpose"
    if not bench.optimizers:
        return "no optimizer of torch holds what is trained"
    if any(isinstance(o, LBFGS) for o in bench.optimizers):
        return "L-BFGS looks for the length of its steps itself"
    if any(group.get("maximize") for o in bench.optimizers for group in o.param_groups):
        return "an optimizer maximises on purpose"
    if not has_floor(bench):
        return UNKNOWN
    return "the model has learned before: its loss is far below that of a guess" if knows(bench) else ""


def knows(bench: Bench) -> bool:
    """Whether the first loss is far below that of a guess, or weights were loaded and no guess is known."""
    assert bench.loss is not None
    if not initial_loss.judged(bench.loss):
        return bench.pretrained
    fact = initial_loss.measured(bench, bench.loss)
    return fact.value < GUESSES * fact.chance


@dataclass(slots=True, eq=False)
class Dial:
    """Multiplies learning rates while an optimizer steps.

    Attributes:
        part: of the script's own learning rate.
        rates: the script's own, of each step.
    """

    part: float
    rates: list[tuple[float, ...]] = field(default_factory=list[tuple[float, ...]])
    _turned: list[list[tuple[dict[str, Any], Any]]] = field(
        default_factory=list[list[tuple[dict[str, Any], Any]]]
    )

    def before(self, optimizer: Optimizer, *_: Any) -> None:
        """A step begins; inside another one, as of what a wrapper wraps, the same groups are left alone."""
        known = {id(group) for turned in self._turned for group, _ in turned}
        own = [(g, g["lr"]) for g in optimizer.param_groups if id(g) not in known and is_rate(g.get("lr"))]
        if not self._turned:
            self.rates.append(tuple(float(rate) for _, rate in own))
        for group, rate in own if self.part != 1 else ():
            group["lr"] = rate * self.part
        self._turned.append(own)

    def after(self, *_: Any) -> None:
        """The step is done."""
        for group, rate in self._turned.pop() if self._turned else ():
            group["lr"] = rate

    @property
    def highest(self) -> float:
        """The highest learning rate of the script's own."""
        return max((rate for rates in self.rates for rate in rates), default=0.0)

    @property
    def changes(self) -> bool:
        """Whether the script's own learning rate was not the same in all steps."""
        return len(set(self.rates)) > 1


def is_rate(value: Any) -> bool:
    """Whether a group's entry is a learning rate that can be multiplied."""
    return isinstance(value, int | float) or (isinstance(value, Tensor) and value.numel() == 1)


@contextmanager
def turned(dial: Dial) -> Generator[None]:
    """Let the dial hear of every step."""
    handles = register_optimizer_step_pre_hook(dial.before), register_optimizer_step_post_hook(dial.after)
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@dataclass(slots=True, eq=False)
class Course:
    """The losses of the same batches at one learning rate.

    Attributes:
        dial: the learning rate.
        losses: of the turns.
        targets: place of a batch among the others, and the sum of its targets.
        steps: of optimizers.
        cut: it was ended early, by the budget or by the loop.
    """

    dial: Dial
    losses: list[float] = field(default_factory=list[float])
    targets: set[tuple[int, float]] = field(default_factory=set[tuple[int, float]])
    steps: int = 0
    cut: bool = False

    def windows(self, size: int) -> list[list[float]]:
        """The losses, so many at a time: each window holds the same batches in the same order."""
        return [self.losses[at : at + size] for at in range(0, len(self.losses) - size + 1, size)]

    @property
    def is_broken(self) -> bool:
        """Whether it has ended with a loss that is no number."""
        return bool(self.losses) and not isfinite(self.losses[-1])

    @property
    def rate(self) -> float:
        """The highest learning rate."""
        return self.dial.highest * self.dial.part

    def end(self, size: int) -> float:
        """The mean of the last losses; no number if the last one is none."""
        return self.losses[-1] if self.is_broken else fmean(self.losses[-size:])


Courses = Generator[Turn, Seen, Course]
Enough = Callable[[Course], bool]


def perform(bench: Bench) -> Steps:
    """Hold the weights; go at the script's own learning rate; if that does not do, at lower ones."""
    size = window(bench)
    still = yield from held(bench, size)
    before = still.losses
    if still.cut or not all(isfinite(loss) for loss in before):
        return Outcome(skipped="the loop computed no loss for the batches that it was given")
    if not still.steps:
        return Outcome(skipped=f"no optimizer has stepped in {size} turns")
    most = TURNS * min(LONGEST, ceil(size / still.steps))
    own = yield from followed(bench, 1.0, 2 * most, lambda c: is_told(c, before, most))
    known = settled(own, still)
    if known is not None:
        return known
    outcome = yield from lowered(bench, own, before, most)
    return outcome


def window(bench: Bench) -> int:
    """Turns in which every batch is given equally often, and there are enough losses to compare."""
    count = len(bench.first.pool.entries)
    return count * ceil(LOSSES / count)


def settled(own: Course, still: Course) -> Outcome | None:
    """What is known without trying a lower rate; None if that has to be tried."""
    before = still.losses
    windows = own.windows(len(before))
    fell = not own.is_broken and bool(windows) and has_fallen(before, windows[-1])
    if not fell and (why := cannot_judge(own, still)):
        return Outcome(skipped=why, curves=curves(own))
    word = "yes" if fell else why_not(own, windows, before)
    told = f"{word}: {in_words(own, before)}"
    return Outcome(told, numbers(own, before), curves=curves(own)) if word else None


def why_not(own: Course, windows: Sequence[Sequence[float]], before: Sequence[float]) -> str:
    """Why a lower rate need not be tried although the loss has not clearly fallen; empty if it must."""
    if own.is_broken:
        return ""
    if own.cut:
        return "not in the turns there were"
    if is_falling(windows):
        return "not yet, but it is falling"
    return "" if stays_up(before, windows[-1]) else "not clearly"


def lowered(bench: Bench, own: Course, before: Sequence[float], most: int) -> Generator[Turn, Seen, Outcome]:
    """Does the loss fall at a lower learning rate?"""
    tried: list[Course] = []
    for part in PARTS:
        course = yield from followed(bench, part, most, lambda c: is_cured(c, own, before))
        tried.append(course)
        if course.cut or is_cured(course, own, before):
            break
    last, drawn = tried[-1], curves(own, *tried)
    values, at_own = numbers(own, before), in_words(own, before)
    if not is_cured(last, own, before):
        told = f"no: {at_own}; nor at {last.dial.part:.2g} times that rate"
        return Outcome(told, values, curves=drawn)
    told = f"only at a lower one: {at_own}; {in_words(last, before)}"
    values |= {"lower": last.rate, "lowered": last.end(len(before)), "lower_turns": len(last.losses)}
    fact = TooHighRateFact(
        type(bench.optimizers[0]).__name__, own.rate, last.rate, len(bench.first.pool.entries), fmean(before),
        own.end(len(before)), len(own.losses), last.end(len(before)), len(last.losses), place(bench),
    )  # fmt: skip
    return Outcome(told, values, (fact,), curves=drawn)


def held(bench: Bench, turns: int) -> Courses:
    """The losses before any learning: after each turn the weights are put back, and nothing else is."""
    yield from bench.begin()
    every = {id(p): p for o in bench.optimizers for g in o.param_groups for p in g["params"]}
    weights = [(p, p.detach().clone()) for p in every.values()]
    course = Course(Dial(1.0))
    for turn in range(turns):
        yield from one_more(bench, course, turn)
        if course.cut:
            break
        with torch.no_grad():
            for parameter, value in weights:
                parameter.copy_(value)
    return course


def followed(bench: Bench, part: float, most: int, enough: Enough) -> Courses:
    """The losses at a part of the script's own learning rate, until a window of them says enough."""
    size = window(bench)
    yield from bench.begin()
    course = Course(Dial(part))
    with turned(course.dial):
        for turn in range(ceil(most / size) * size):
            yield from one_more(bench, course, turn)
            if course.cut or course.is_broken:
                break
            if len(course.losses) % size == 0 and enough(course):
                break
    return course


def one_more(bench: Bench, course: Course, turn: int) -> Generator[Turn, Seen, None]:
    """One turn of a course."""
    entry = turn % len(bench.first.pool.entries)
    seen = yield Turn(entry)
    if seen.loss is None or not seen.faithful:
        course.cut = True
        return
    course.losses.append(seen.loss)
    course.targets.add((entry, seen.targets))
    course.steps += seen.steps
    course.cut = bench.seconds_left <= 0 or bench.turns_left <= 1


def is_told(own: Course, before: Sequence[float], most: int) -> bool:
    """Whether the loss has fallen, or has had its turns and is not on its way down."""
    windows = own.windows(len(before))
    return has_fallen(before, windows[-1]) or (len(own.losses) >= most and not is_falling(windows))


def has_fallen(before: Sequence[float], after: Sequence[float]) -> bool:
    """Whether the losses of the same batches have fallen, by more than a little and more than noise."""
    gain = fmean(before) - fmean(after)
    return gain > LITTLE * abs(fmean(before)) and gain > SURE * error(before, after)


def stays_up(before: Sequence[float], after: Sequence[float]) -> bool:
    """Whether neither the mean nor most of the losses have fallen."""
    higher = sum(now >= then for now, then in zip(after, before, strict=True))
    return fmean(after) >= fmean(before) - LITTLE * abs(fmean(before)) and 2 * higher >= len(before)


def error(one: Sequence[float], other: Sequence[float]) -> float:
    """Standard error of the mean difference of pairs."""
    differences = [a - b for a, b in zip(one, other, strict=True)]
    return math.sqrt(variance(differences) / len(differences))


def is_falling(windows: Sequence[Sequence[float]]) -> bool:
    """Whether the last losses lie clearly below those of two windows before: it may still recover."""
    if len(windows) <= 2 or not all(isfinite(v) for v in windows[-1]):
        return False
    last, earlier = windows[-1], windows[-3]
    return fmean(earlier) - fmean(last) > SURER * error(earlier, last)


def is_cured(course: Course, own: Course, before: Sequence[float]) -> bool:
    """Whether twice in a row every single loss lies below that before, by a tenth on average.

    Where the script's own rate has ended with a loss that is no number, the course must have come further.
    """
    windows = course.windows(len(before))[-2:]
    if len(windows) < 2 or course.is_broken or (own.is_broken and len(course.losses) <= len(own.losses)):
        return False
    below = all(now < then for w in windows for now, then in zip(w, before, strict=True))
    return below and all(fmean(w) <= fmean(before) - CLEARLY * abs(fmean(before)) for w in windows)


def cannot_judge(own: Course, still: Course) -> str:
    """Why it says nothing that the loss does not fall."""
    if len(own.targets | still.targets) > len({place for place, _ in still.targets}):
        return "the loss does not fall, but its targets are drawn anew in every turn"
    if own.dial.changes:
        return "the loss does not fall, but the learning rate changes from step to step"
    return ""


def in_words(course: Course, before: Sequence[float]) -> str:
    """A course in a few words."""
    turns = counted(len(course.losses), "turn")
    return f"{fmean(before):.4g} → {course.end(len(before)):.4g} in {turns} at {course.rate:.3g}"


def numbers(own: Course, before: Sequence[float]) -> dict[str, float]:
    """The numbers behind the answer."""
    end = own.end(len(before))
    return {"before": fmean(before), "after": end, "rate": own.rate, "turns": len(own.losses)}


def curves(*courses: Course) -> tuple[Curve, ...]:
    """The losses at each learning rate."""
    return tuple(Curve(f"learning rate × {c.dial.part:.2g}", tuple(c.losses)) for c in courses)


def place(bench: Bench) -> Site:
    """Where the optimizer is built; the backward call if that was not seen."""
    assert bench.root is not None
    return bench.observer.built.get(bench.optimizers[0], ()) or bench.root.site
