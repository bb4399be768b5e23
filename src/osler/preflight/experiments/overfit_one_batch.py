"""Can the loop memorise one batch? A model that cannot has no way to learn more."""

from __future__ import annotations

from osler.preflight.bench import Bench
from osler.preflight.memorise import cannot_steer, memorise
from osler.preflight.outcome import Outcome, Steps

QUESTION = "can it memorise one batch, with dropout and weight decay off?"
TURNS = 200
COST = 30


def reason(bench: Bench) -> str:
    """Why it cannot be asked."""
    return cannot_steer(bench)


def perform(bench: Bench) -> Steps:
    """Hand out the first batch again and again."""
    outcome: Outcome = yield from memorise(bench, (0,), TURNS, bench.samples)
    return outcome
