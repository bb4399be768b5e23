"""Does the loss grow with the batch? The same samples given twice leave a mean as it is and double a sum."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.optim import ASGD, SGD

from osler.model.setupfacts import CopiesFact
from osler.preflight.bench import Bench
from osler.preflight.contract import ALIKE, added, factor, is_same
from osler.preflight.outcome import Outcome, Steps
from osler.replay.trees import mapped, tensors
from osler.replay.turn import LossCall, Seen, Turn

QUESTION = "does the loss grow with the number of samples in the batch?"
COST = 0
TURNS = 2
"""Turns that are needed where the loss is not one function of torch."""

FEWEST = 4
"""Samples below which half a batch is too small for many a model."""

CLOSE = 0.02
"""Distance from one or two times up to which the loss counts as the same or as doubled."""

Pair = tuple[float, float]


def reason(bench: Bench) -> str:
    """Why it cannot be asked."""
    if bench.root is None:
        return "no loss was seen in the first turn"
    if len(bench.seen.roots) > 1:
        return f"the first turn has {len(bench.seen.roots)} backward calls"
    return "" if by_function(bench) is not None else cannot_halve(bench)


def perform(bench: Bench) -> Steps:
    """Compare the loss of some samples with that of two copies of them."""
    pair, count = by_function(bench), bench.samples
    if pair is None:
        count //= 2
        pair = yield from by_the_loop(bench, count)
    if pair is None:
        return Outcome(skipped="the loop computed no loss for a batch of another size")
    once, twice = pair
    fact = CopiesFact(once, twice, count, uneven(bench), site(bench))
    times = twice / once if once else 0.0
    verdict = "yes" if abs(times - 2) < CLOSE else "no" if abs(times - 1) < CLOSE else "in part"
    told = f"{verdict}: {once:.4g}, and {twice:.4g} for two copies of the same samples"
    return Outcome(told, {"once": once, "twice": twice}, (fact,))


def site(bench: Bench) -> Any:
    """The call of the loss function, or of backward where there is none of torch."""
    assert bench.root is not None
    return bench.loss.site if bench.loss is not None else bench.root.site


def uneven(bench: Bench) -> str:
    """The optimizer whose steps are as large as the gradient, empty if all make them alike by themselves."""
    return next((type(o).__name__ for o in bench.optimizers if isinstance(o, SGD | ASGD)), "")


def by_function(bench: Bench) -> Pair | None:
    """Ask the loss function itself, if backward starts from what it returns or from its share per row."""
    call, root, share = bench.loss, bench.root, factor(bench)
    if call is None or root is None or call.value.numel() != 1:
        return None
    doubled = two_copies(call)
    if doubled is None:
        return None
    with torch.no_grad():
        twice = float(getattr(F, call.function)(**doubled))
    once, target = float(call.value), cast("Tensor", call.given["target"])
    rows = {len(target), target.numel(), bench.samples} - {0, 1}
    divided = any(is_same(once / count, root.value) for count in rows) or is_divided(call, root.value)
    if is_same(twice, 2 * once) and divided:
        return root.value, root.value  # a sum that is divided by the number of its rows
    return None if share is None else (root.value, twice * share)


def is_divided(call: LossCall, value: float) -> bool:
    """Whether a sum over targets is divided by their number, or by that of a whole accumulation window."""
    targets = added(call)
    return bool(targets and value) and float(call.value) / value >= targets * (1 - ALIKE)


def two_copies(call: LossCall) -> dict[str, Any] | None:
    """The arguments of a loss function for every row twice; None if it is not known which are rows."""
    scores, target = call.given.get("input"), call.given.get("target")
    if not isinstance(scores, Tensor) or not isinstance(target, Tensor):
        return None
    if not scores.dim() or not target.dim() or len(scores) != len(target):
        return None
    weight = call.given.get("weight")
    if isinstance(weight, Tensor) and call.function not in ("cross_entropy", "nll_loss"):
        return None
    twice = {"input": torch.cat([scores, scores]), "target": torch.cat([target, target])}
    return {**call.given, **twice}


def cannot_halve(bench: Bench) -> str:  # noqa: PLR0911
    """Why the loop cannot be given half of its batch, once and twice."""
    if bench.steerable:
        return bench.steerable
    if not bench.first.from_loader:
        return "the loss is not one function of torch, and no loader hands out its samples"
    if bench.turns_left <= TURNS or bench.seconds_left < TURNS * bench.turn_seconds:
        return f"it needs {TURNS} turns more than there are"
    if not bench.first.takes_fewer:
        return (
            "the loss is not one function of torch, and all batches are of one size: "
            "the loop may take no other"
        )
    if bench.samples < FEWEST:
        return f"the batch holds {bench.samples} samples"
    entry = bench.first.pool.entries[0]
    plain = len(entry) == 1 and is_plain(entry[0])
    if not plain or any(not t.dim() or len(t) != bench.samples for t in tensors(entry)):
        return "not everything in the batch has its samples along the first axis"
    return ""


def is_plain(batch: Any) -> bool:
    """Whether a batch is tensors and nothing else, in a tuple, list or dict."""
    parts = cast("Any", batch.values() if isinstance(batch, dict) else batch)
    return isinstance(batch, Tensor) or (
        isinstance(batch, tuple | list | dict) and all(isinstance(part, Tensor) for part in parts)
    )


def by_the_loop(bench: Bench, count: int) -> Generator[Turn, Seen, Pair | None]:
    """Ask the script's own loop: half a batch, then two copies of that half."""
    pool = bench.first.pool.entries
    half = {place: mapped(batch, lambda t: t[:count]) for place, batch in pool[0].items()}
    twice = {place: mapped(batch, lambda t: torch.cat([t[:count]] * 2)) for place, batch in pool[0].items()}
    losses: list[float | None] = []
    pool += [half, twice]
    try:
        for entry in (len(pool) - 2, len(pool) - 1):
            bench.restore()
            bench.calm()
            seen = yield Turn(entry)
            losses.append(seen.loss if seen.faithful and len(seen.roots) == 1 else None)
    finally:
        del pool[-2:]
    once, other = losses
    return None if once is None or other is None else (once, other)
