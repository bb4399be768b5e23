"""Does the same state with the same batches give the same numbers? Others rest on it."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from math import isnan

import torch

from osler.model.setupfacts import ExactnessFact
from osler.preflight.bench import Bench
from osler.preflight.outcome import Outcome, Steps
from osler.replay.turn import Seen, Turn

QUESTION = "do the first batches give the same numbers when they are replayed?"
TURNS = 10
COST = 4


def reason(bench: Bench) -> str:
    """It can always be asked."""
    del bench
    return ""


def perform(bench: Bench) -> Steps:
    """Replay the first batches twice."""
    count = int(min(TURNS, max(COST // 2, bench.turns_left / 8)))
    bench.accumulates = not bench.seen.steps
    one, weights = yield from replayed(bench, count)
    other, again = yield from replayed(bench, count)
    if [t.steps for t in one] != [t.steps for t in other]:
        # the script counts its batches: an accumulation window began elsewhere
        bench.accumulates = True
        one, weights = yield from replayed(bench, count)
        other, again = yield from replayed(bench, count)
    exact = weights == again and [t.losses for t in one] == [t.losses for t in other]
    noise = max((gap(a, b) for s, t in zip(one, other, strict=True) for a, b in pairs(s, t)), default=0.0)
    bench.exact = exact
    turns = "turn" if count == 1 else "turns"
    told = f"yes, {count} {turns} bit for bit"
    if not exact:
        apart = f", losses of {count} {turns} differ by up to {noise:.1e}" if noise else ""
        told = f"no{apart}: {first_difference(one, other)}"
    return Outcome(told, {"turns": count, "noise": noise}, (ExactnessFact(exact, count, noise),))


@dataclass(frozen=True, slots=True)
class Passed:
    """What one turn came to.

    Attributes:
        losses: of its backward calls.
        steps: of optimizers.
        targets: sum of what loss functions of torch compare with.
        rates: learning rates after it.
    """

    losses: tuple[float, ...]
    steps: int
    targets: float
    rates: tuple[float, ...]


def replayed(bench: Bench, count: int) -> Generator[Turn, Seen, tuple[list[Passed], float]]:
    """One replay: its turns, and a checksum of the parameters at the end."""
    yield from bench.begin()
    passed: list[Passed] = []
    for entry in range(count):
        seen = yield Turn(entry % max(1, len(bench.first.pool.entries)))
        rates = tuple(float(g["lr"]) for o in bench.optimizers for g in o.param_groups if "lr" in g)
        passed.append(Passed(tuple(r.value for r in seen.roots), seen.steps, seen.targets, rates))
    return passed, checksum(bench)


def pairs(one: Passed, other: Passed) -> Iterator[tuple[float, float]]:
    """The losses of a turn and of its repetition."""
    return zip(one.losses, other.losses, strict=False)


def gap(one: float, other: float) -> float:
    """The relative difference of two losses; losses that are both no numbers do not differ."""
    if one == other or (isnan(one) and isnan(other)):
        return 0.0
    return abs(one - other) / max(abs(one), abs(other), 1e-30)


def first_difference(one: list[Passed], other: list[Passed]) -> str:
    """What is another number first: it says what the script changes from turn to turn."""
    turns = zip(one, other, strict=True)
    number, before, after = next(((n, s, t) for n, (s, t) in enumerate(turns, 1) if s != t), (0, None, None))
    if before is None or after is None:
        return "the weights do not agree after the last turn"
    if before.steps != after.steps or len(before.losses) != len(after.losses):
        return f"turn {number} makes other steps when it is repeated"
    if before.losses != after.losses:
        return f"in turn {number} the loss {other_loss(before, after)}"
    if before.targets != after.targets:
        return f"turn {number} compares with other targets, which the loop makes itself"
    rate, then = next(pair for pair in zip(before.rates, after.rates, strict=True) if pair[0] != pair[1])
    counted = f"after turn {number} the learning rate is {rate:.4g}, and then {then:.4g}"
    return f"{counted}; a counter of the loop sets it"


def other_loss(before: Passed, after: Passed) -> str:
    """Why the loss of a turn is another one when it is made again from the same weights."""
    if any(map(isnan, before.losses)):
        return "is not a number"
    if before.targets != after.targets:
        return "is compared with other targets, which the loop makes itself"
    loss, then = next(pair for pair in pairs(before, after) if pair[0] != pair[1])
    read = "besides the batch and the weights it reads what changes from turn to turn"
    return f"is {loss:.6g}, and then {then:.6g}; {read}"


def checksum(bench: Bench) -> float:
    """A number that two equal sets of parameters share."""
    total = 0.0
    for model in bench.models:
        for number, parameter in enumerate(model.parameters(), 1):
            values = parameter.detach().to(torch.float64)
            total += float(values.sum()) * number + float(values.square().sum())
    return total
