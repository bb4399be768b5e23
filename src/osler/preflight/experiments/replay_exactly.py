"""Does the same state with the same batches give the same numbers? Others rest on it."""

from __future__ import annotations

import torch

from osler.model.setupfacts import ExactnessFact
from osler.preflight.bench import Bench
from osler.preflight.outcome import Outcome, Steps
from osler.replay.turn import Turn

QUESTION = "do the first batches give the same numbers when they are replayed?"
TURNS = 10
COST = 2 * TURNS


def reason(bench: Bench) -> str:
    """It can always be asked."""
    del bench
    return ""


def perform(bench: Bench) -> Steps:
    """Replay the first batches twice."""
    count = min(TURNS, max(1, len(bench.first.pool.entries)))
    series: list[list[float]] = []
    weights: list[float] = []
    for _ in range(2):
        bench.restore()
        losses: list[float] = []
        for entry in range(count):
            seen = yield Turn(entry)
            losses += [root.value for root in seen.roots]
        series.append(losses)
        weights.append(checksum(bench))
    one, other = series
    exact = one == other and weights[0] == weights[1]
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


def checksum(bench: Bench) -> float:
    """A number that two equal sets of parameters share."""
    total = 0.0
    for model in bench.models:
        for number, parameter in enumerate(model.parameters(), 1):
            values = parameter.detach().to(torch.float64)
            total += float(values.sum()) * number + float(values.square().sum())
    return total
