"""Do two evaluations of the same batch agree? If not: is it functional dropout that nobody has switched "
"off?"""

from __future__ import annotations

import linecache
from types import FrameType
from typing import Any

from osler.model import Site
from osler.model.setupfacts import RandomEvalFact
from osler.preflight.bench import Bench, difference
from osler.preflight.outcome import Outcome, Steps

QUESTION = "do two evaluations of one batch agree?"
COST = 0
SAYS_SO = "training="
"""Part of a line that has chosen the mode: Monte Carlo dropout means it."""

RATE, TRAINING = 1, 2
"""Positions of `p` and `training` among the arguments of functional dropout."""


def reason(bench: Bench) -> str:
    """Why it cannot be asked."""
    if bench.forward is None:
        return "no model was called in the first turn"
    return ""


def perform(bench: Bench) -> Steps:
    """Call the model twice in evaluation mode, then twice with functional dropout off."""
    yield from ()
    forward = bench.forward
    assert forward is not None
    active: list[tuple[Site, float]] = []

    def note(args: tuple[Any, ...], frame: FrameType) -> None:
        lines, caller = bench.observer.lines, frame.f_back
        by_user = caller is not None and bool(
            lines.kind(caller.f_code)
        )  # a layer of torch is told by its mode
        if by_user and len(args) > TRAINING and args[TRAINING] and args[RATE]:
            site = lines.site(frame)
            if SAYS_SO not in linecache.getline(site[0].file, site[0].line):
                active.append((site, float(args[RATE])))

    with bench.evaluating(forward):
        bench.observer.on_dropout = note
        one, other = bench.call(forward), bench.call(forward)
        bench.observer.on_dropout = None
        bench.observer.stills = True
        without = difference(bench.call(forward), bench.call(forward))
        bench.observer.stills = False
    apart = difference(one, other)
    site, rate = active[0] if active and apart else ((), 0.0)
    name = type(forward.module).__name__
    told = "yes, bit for bit" if not apart else f"no, they differ by {apart:.2g} of the largest output"
    if apart and active:
        told += f": functional dropout at {rate:.0%} is on"
    fact = RandomEvalFact(name, apart, without, rate, site)
    return Outcome(told, {"difference": apart, "without_dropout": without}, (fact,))
