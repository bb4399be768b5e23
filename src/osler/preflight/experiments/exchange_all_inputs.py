"""After some training: do the outputs depend on the inputs at all?"""

from __future__ import annotations

import torch
from torch import Tensor

from osler.model.setupfacts import IgnoredInputFact
from osler.preflight.bench import Bench, main_output
from osler.preflight.outcome import Outcome, Steps
from osler.replay.trees import mapped, tensors
from osler.replay.turn import Turn

QUESTION = "do the outputs depend on the inputs?"
TURNS = 5
COST = TURNS
"""A last layer that starts at zero needs some steps before anything shows."""


def reason(bench: Bench) -> str:
    """Why it cannot be asked."""
    if bench.forward is None:
        return "no model was called in the first turn"
    inputs = [t for t in tensors((bench.forward.args, bench.forward.kwargs)) if t.dim() and len(t) > 1]
    if not inputs or all(torch.equal(t, t.roll(1, 0)) for t in inputs):
        return "the batch holds no two different samples"
    return ""


def perform(bench: Bench) -> Steps:
    """Train a little, then exchange every sample for the one before it."""
    forward = bench.forward
    assert forward is not None
    with bench.evaluating(forward):
        before = main_output(bench.call(forward))
    steps = 0
    for turn in range(TURNS):
        seen = yield Turn(turn % max(1, len(bench.first.pool.entries)))
        steps += seen.steps
    with bench.evaluating(forward):
        bench.observer.stills = True
        base = main_output(bench.call(forward))
        args, kwargs = mapped((forward.args, forward.kwargs), rolled)
        other = main_output(bench.call(forward, args, kwargs))
    if base is None or other is None or not base.isfinite().all():
        return Outcome(skipped="the output holds no finite numbers")
    if before is not None and torch.equal(before, base):
        return Outcome(skipped=f"{TURNS} turns of training have not changed the output")
    same = base.shape == other.shape and torch.equal(base, other)
    if not same:
        return Outcome("yes", {"steps": steps})
    fact = IgnoredInputFact(
        type(forward.module).__name__, steps, len(base) if base.dim() else 0, forward.site
    )
    return Outcome("no: exchanging all samples changes nothing", {"steps": steps}, (fact,))


def rolled(tensor: Tensor) -> Tensor:
    """Every sample in the place of the next one."""
    return tensor.roll(1, 0) if tensor.dim() else tensor
