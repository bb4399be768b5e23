"""Can the loop memorise a hundred samples? One small batch may be too easy to tell."""

from __future__ import annotations

from math import ceil

from osler.preflight.bench import Bench
from osler.preflight.memorise import cannot_steer, memorise
from osler.preflight.outcome import Outcome, Steps

QUESTION = "can it memorise a hundred samples?"
SAMPLES = 100
TURNS = 400
COST = 120


def reason(bench: Bench) -> str:
    """Why it cannot be asked, or need not be."""
    if blocked := cannot_steer(bench):
        return blocked
    if not bench.samples:
        return "it is not known how many samples a batch holds"
    if bench.samples >= SAMPLES:
        return f"one batch holds {bench.samples} samples already"
    if needed(bench) > len(bench.first.pool.entries):
        return f"only {len(bench.first.pool.entries)} batches of {bench.samples} samples can be drawn ahead"
    return ""


def needed(bench: Bench) -> int:
    """Batches that hold a hundred samples."""
    return ceil(SAMPLES / bench.samples)


def perform(bench: Bench) -> Steps:
    """Hand out the first few batches in turn."""
    count = needed(bench)
    outcome: Outcome = yield from memorise(bench, range(count), TURNS, count * bench.samples)
    return outcome
