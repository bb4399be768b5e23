"""Does the same state with the same batches give the same numbers? Others rest on it."""

from __future__ import annotations

from collections.abc import Generator

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
    one, weights, steps = yield from replayed(bench, count)
    other, again, others = yield from replayed(bench, count)
    if steps != others:  # the script counts its batches: an accumulation window began elsewhere
        bench.accumulates = True
        one, weights, _ = yield from replayed(bench, count)
        other, again, _ = yield from replayed(bench, count)
    exact = one == other and weights == again
    pairs = zip(one, other, strict=False)
    noise = max((abs(a - b) / max(abs(a), abs(b), 1e-30) for a, b in pairs), default=0.0)
    bench.exact = exact
    turns = "turn" if count == 1 else "turns"
    told = (
        f"yes, {count} {turns} bit for bit"
        if exact
        else f"no, losses of {count} {turns} differ by up to {noise:.1e}"
    )
    return Outcome(told, {"turns": count, "noise": noise}, (ExactnessFact(exact, count, noise),))


def replayed(bench: Bench, count: int) -> Generator[Turn, Seen, tuple[list[float], float, list[int]]]:
    """One replay: every loss, a checksum of the parameters, and the optimizer steps of each turn."""
    yield from bench.begin()
    losses: list[float] = []
    steps: list[int] = []
    for entry in range(count):
        seen = yield Turn(entry % max(1, len(bench.first.pool.entries)))
        losses += [root.value for root in seen.roots]
        steps.append(seen.steps)
    return losses, checksum(bench), steps


def checksum(bench: Bench) -> float:
    """A number that two equal sets of parameters share."""
    total = 0.0
    for model in bench.models:
        for number, parameter in enumerate(model.parameters(), 1):
            values = parameter.detach().to(torch.float64)
            total += float(values.sum()) * number + float(values.square().sum())
    return total
