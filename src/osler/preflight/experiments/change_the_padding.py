"""Does the loss count padding? Other scores at padded positions must leave it as it is."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from osler.model import counted
from osler.model.setupfacts import PaddingFact
from osler.preflight.bench import Bench
from osler.preflight.outcome import Outcome, Steps
from osler.preflight.padding import PaddedTargets, padded_targets
from osler.replay.turn import LossCall, Turn

QUESTION = "does the loss count padding?"
COST = 3
FUNCTIONS = ("cross_entropy", "nll_loss")
SMALL = 1e-5
"""Relative change of the loss that rounding does not make."""

NOISY = 10.0
"""Times the difference of two equal turns that a change has to be."""


def reason(bench: Bench) -> str:
    """Why it cannot be asked."""
    calls = [c for c in bench.seen.losses if c.function in FUNCTIONS]
    if not calls or bench.root is None:
        return "no loss over classes was seen in the first turn"
    if len(calls) > 1:
        return f"the first turn has {len(calls)} losses over classes"
    if padded_targets(bench, calls[0]) is None:
        return "nothing in the batch is known to be padding, by `padding_idx` of an embedding or by a mask"
    return ""


def perform(bench: Bench) -> Steps:
    """Make the first turn again, as it was and with other scores at the padding."""
    (call,) = (c for c in bench.seen.losses if c.function in FUNCTIONS)
    found = padded_targets(bench, call)
    assert found is not None
    bench.calm()
    plain = yield Turn(0)
    yield from bench.begin()
    bench.calm()
    again = yield Turn(0)
    yield from bench.begin()
    bench.calm()
    exchange = Exchange(call, found)
    bench.observer.on_loss = exchange.given
    try:
        other = yield Turn(0)
    finally:
        bench.observer.on_loss = None
    losses = plain.loss, other.loss
    if not exchange.done or losses[0] is None or losses[1] is None or again.loss is None:
        return Outcome(skipped="the loop computed another loss for the same batch")
    return judged(call, found, (losses[0], losses[1]), abs(losses[0] - again.loss))


class Exchange:
    """Puts other scores where padding stands, in the one call that was seen in the first turn.

    Attributes:
        done: it has been made.
    """

    def __init__(self, call: LossCall, found: PaddedTargets) -> None:
        self.done = False
        self._call, self._found = call, found

    def given(self, name: str, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """The arguments of a loss function, with other scores."""
        scores, target = args[0], args[1]
        if name != self._call.function or not torch.equal(target, self._call.given["target"]):
            return args
        self.done = True
        numbers = torch.Generator(device="cpu").manual_seed(0)
        noise = torch.rand(scores.shape, generator=numbers).to(scores)
        places = self._found.places.to(scores.device).unsqueeze(1)
        size = scores.detach().abs().max() + 1
        return (scores - noise * size * places, *args[1:])


def judged(call: LossCall, found: PaddedTargets, losses: tuple[float, float], noise: float) -> Outcome:
    """What the two losses say."""
    target: Tensor = call.given["target"]
    ignored = call.given.get("ignore_index", -100)
    positions, padded = int((target != ignored).sum()), int(found.places.sum())
    before, after = losses
    changed = abs(after - before) > SMALL * abs(before) + NOISY * noise
    if not changed:
        return Outcome(f"no: other scores at {padded} padded positions change nothing", {"padded": padded})
    fact = PaddingFact(
        call.function, found.padding.id, found.padding.said_by, padded, positions, before, after,
        found.ends, call.site,
    )  # fmt: skip
    told = f"yes: {counted(padded, 'position')} of {positions} are padding, and other scores there change it"
    return Outcome(
        f"{told} from {before:.4g} to {after:.4g}", {"padded": padded, "positions": positions}, (fact,)
    )
