"""Schedules that come to a learning rate of 0 and are stepped on, by numbers that the source says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import ceil
from types import MappingProxyType

from osler.model import Action, Code, Const, Helper, Kind, Loader, Loop, Turns, flat
from osler.static.lengths import batch_size, samples
from osler.static.queries import every_loop, goes_backward, in_each_turn, may_leave

OWN = "torch.optim.lr_scheduler."

ENDS: Mapping[str, tuple[str, int]] = MappingProxyType(
    {"LinearLR": ("total_iters", 3), "PolynomialLR": ("total_iters", 1)}
)
"""Schedules that may stay at 0 behind their end, and where they are told when that is."""


@dataclass(frozen=True, slots=True)
class Exhausted:
    """A schedule that is stepped more often than it has steps.

    Attributes:
        schedule: that ends at 0.
        call: the line that steps it.
        end: its step from which on the learning rate is 0.
        steps: how often it is stepped, at least.
        each: it is stepped after every ``batch``, or ``epoch``.
    """

    schedule: Helper
    call: Action
    end: int
    steps: int
    each: str


def exhausted(code: Code) -> Iterator[Exhausted]:
    """Schedules that one line steps, in a loop whose number of turns is written there."""
    for trace in code.traces:
        calls = [a for a in flat(trace.nodes) if a.kind is Kind.SCHEDULE]
        for epochs in every_loop(trace.nodes):
            turns = _turns(epochs)
            if not turns or may_leave(epochs.body) or not goes_backward(epochs):
                continue
            for loop, each, factor in _inner(code, epochs):
                for call in in_each_turn(loop.body):
                    schedule = call.subject
                    alone = call.value is None and [c for c in calls if c.subject is schedule] == [call]
                    if isinstance(schedule, Helper) and alone and (end := _end(schedule)):
                        yield Exhausted(schedule, call, end, turns * factor, each)


def _turns(loop: Loop) -> int:
    match loop.over:
        case Turns(end=Const(value=int() as turns)):
            return turns
        case _:
            return 0


def _inner(code: Code, epochs: Loop) -> Iterator[tuple[Loop, str, int]]:
    """The loop itself, and the one over a loader in it, with the batches of that."""
    loaders = [loop for loop in every_loop(epochs.body) if isinstance(loop.over, Loader)]
    trains = [loop for loop in loaders if goes_backward(loop)]
    if len(trains) == 1:
        yield epochs, "epoch", 1
        yield trains[0], "batch", _batches(code, trains[0])


def _batches(code: Code, loop: Loop) -> int:
    """At least so many a pass."""
    loader, counts = loop.over, set[int]()
    if isinstance(loader, Loader) and batch_size(loader):
        counts = {ceil(n / batch_size(loader)) for n in samples(code, loader)}
    return min(counts, default=1)


def _end(schedule: Helper) -> int:
    """The step from which on a schedule stays at 0; 0 if there is none, or it is not known."""
    kind = schedule.made.removeprefix(OWN)
    if kind not in ENDS or schedule.handed or "**" in schedule.options:
        return 0
    falls = {"LinearLR": Const(0.0) == _option(schedule, "end_factor", 2), "PolynomialLR": True}[kind]
    match _option(schedule, *ENDS[kind]):
        case Const(value=int() as end) if falls:
            return end
        case _:
            return 0


def _option(schedule: Helper, name: str, position: int) -> object:
    return schedule.options.get(name, schedule.options.get(position))
