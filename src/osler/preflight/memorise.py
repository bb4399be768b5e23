"""Let the script's own loop memorise a few batches."""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from statistics import fmean, variance

import torch
from torch import Tensor

from osler.model import counted
from osler.model.setup import Curve
from osler.model.setupfacts import OverfitFact
from osler.preflight.bench import Bench
from osler.preflight.contract import is_split
from osler.preflight.outcome import Outcome
from osler.replay.trees import tensors
from osler.replay.turn import LossCall, Seen, Turn

DONE = 0.01
"""Share of the excess over the floor at which a batch counts as memorised."""

MOSTLY, PARTLY = 0.9, 0.5
"""Share of the way to the floor from which on the answer is yes, or in part."""

RATES = (1.0, 1 / 3, 3.0)
"""Factors on the script's learning rate; the later ones only where the first does not do."""

WINDOW = 10
"""Turns over which the end of a curve is averaged."""

SURE = 3.0
"""Standard errors by which a later window must lie below an earlier one to count as falling."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to memorise.

    Attributes:
        rate: factor on the learning rate.
        losses: of the turns.
        accuracy: best share of right predictions.
        complete: it was not cut short by the budget.
        rate_kept: the loop left the learning rate as it was set.
        targets: how many different sums of targets were seen: one, unless they are drawn anew in every turn.
    """

    rate: float
    losses: tuple[float, ...]
    accuracy: float | None
    complete: bool
    rate_kept: bool
    targets: int = 1

    @property
    def best(self) -> float:
        """The smallest loss."""
        return min((v for v in self.losses if math.isfinite(v)), default=math.inf)

    @property
    def falling(self) -> bool:
        """Whether the loss was still going down at the end, by more than its noise."""
        last, before = self.losses[-WINDOW:], self.losses[-3 * WINDOW : -2 * WINDOW]
        if len(before) < WINDOW:
            return bool(self.losses)
        noise = math.sqrt((variance(last) + variance(before)) / WINDOW)
        return fmean(before) - fmean(last) > SURE * noise


Attempts = Generator[Turn, Seen, Outcome]


def cannot_steer(bench: Bench) -> str:
    """Why the loop cannot be made to memorise."""
    if bench.root is None or bench.seen.loss is None:
        return "no loss was seen in the first turn"
    if not math.isfinite(bench.seen.loss):
        return "the loss of the first turn is not finite"
    if len(bench.seen.roots) > 1 and (teams := bench.teams) > 1:
        return f"{teams} optimizers take turns, each with a loss of its own"
    return ""


def memorise(bench: Bench, entries: Sequence[int], turns: int, samples: int) -> Attempts:
    """Give the loop the same batches again and again.

    Args:
        bench: the first turn.
        entries: of the pool.
        turns: at each learning rate, at most.
        samples: in these batches.
    """
    floor = floor_of(bench)
    attempts: list[Attempt] = []
    bounded = has_floor(bench)
    for rate in RATES if bounded else RATES[:1]:
        attempt = yield from attempted(bench, entries, rate, turns, floor if bounded else -math.inf)
        attempts.append(attempt)
        if is_memorised(attempt, floor) or not attempt.complete or not attempt.rate_kept:
            break
    return outcome(bench, attempts, floor, samples)


def attempted(
    bench: Bench, entries: Sequence[int], rate: float, turns: int, floor: float
) -> Generator[Turn, Seen, Attempt]:
    """One attempt, from the state before the first turn."""
    yield from bench.begin()
    bench.calm()
    bench.set_rate(rate)
    losses: list[float] = []
    best: float | None = None
    complete = True
    targets: set[tuple[int, float]] = set()
    for turn in range(turns):
        seen = yield Turn(entries[turn % len(entries)])
        if seen.loss is not None and seen.faithful:
            losses.append(seen.loss)
        targets.add((turn % len(entries), seen.targets))
        if seen.accuracy is not None:
            best = max(best or 0.0, seen.accuracy)
        if len(losses) >= len(entries) and is_low(losses[-len(entries) :], losses[: len(entries)], floor):
            break
        if bench.seconds_left <= 0 or bench.turns_left <= 1:
            complete = False
            break
    return Attempt(rate, tuple(losses), best, complete, bench.rate_is_kept(), len(targets) // len(entries))


def is_low(last: Sequence[float], first: Sequence[float], floor: float) -> bool:
    """Whether the loss has all but reached its floor."""
    return fmean(last) <= floor + DONE * abs(fmean(first) - floor)


def is_memorised(attempt: Attempt, floor: float) -> bool:
    """Whether the attempt succeeded."""
    return bool(attempt.losses) and attempt.best <= floor + DONE * abs(attempt.losses[0] - floor)


def outcome(bench: Bench, attempts: Sequence[Attempt], floor: float, samples: int) -> Outcome:
    """What the attempts say together."""
    with_losses = [a for a in attempts if a.losses]
    if not with_losses:
        return Outcome(skipped="the loop computed no loss for the batches that it was given")
    best = min(with_losses, key=lambda a: a.best)
    first = with_losses[0].losses[0]
    accuracy = max((a.accuracy for a in with_losses if a.accuracy is not None), default=None)
    values = {
        "first": first,
        "best": best.best,
        "floor": floor,
        "turns": float(len(best.losses)),
        "rate": best.rate,
    }
    if accuracy is not None:
        values["accuracy"] = accuracy
    done = has_floor(bench) and is_memorised(best, floor)
    verdict = in_a_word(first, best.best, floor) if has_floor(bench) else ""
    turns = counted(len(best.losses), "turn")
    at = "" if best.rate == 1 else f" at {best.rate:.2g} times the learning rate"
    share = f", accuracy {accuracy:.0%}" if accuracy is not None else ""
    told = f"{verdict}loss {first:.4g} → {best.best:.4g} in {turns}{at}{share}"
    if has_floor(bench) and not done and not best.complete:
        answer = f"not in the {turns} there were: loss {first:.4g} → {best.best:.4g}{share}"
        return Outcome(answer, values, curves=curves(attempts))
    site = bench.root.site if bench.root is not None else ()
    fact = OverfitFact(
        samples, first, best.best, floor, accuracy, majority(bench.loss), len(best.losses),
        tuple(a.rate for a in with_losses), best.falling and not done, site,
    )  # fmt: skip
    facts = (fact,) if has_floor(bench) and best.targets <= 1 else ()
    return Outcome(told, values, facts, curves=curves(with_losses))


def curves(attempts: Sequence[Attempt]) -> tuple[Curve, ...]:
    """The losses of each attempt."""
    return tuple(Curve(f"learning rate × {a.rate:.2g}", a.losses) for a in attempts)


def in_a_word(first: float, best: float, floor: float) -> str:
    """The verdict, by how much of the way to the floor was gone."""
    gone = (first - best) / (first - floor) if first > floor else 1.0
    return "yes: " if gone >= MOSTLY else "in part: " if gone >= PARTLY else "no: "


def has_floor(bench: Bench) -> bool:
    """Whether it is known how low the loss can go: one loss function of torch, and nothing below its "
    "floor."""
    loss, root = bench.loss, bench.root
    if loss is None or root is None or len(bench.seen.roots) != 1:
        return False
    value = float(loss.value.sum())
    if loss.function not in FLOORS or not math.isfinite(value) or root.value <= 0 or value <= 0:
        return False
    return is_split(loss, value / root.value)


FLOORS = (
    "cross_entropy", "nll_loss", "binary_cross_entropy", "binary_cross_entropy_with_logits",
    "mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss",
)  # fmt: skip
"""Loss functions whose smallest value is known."""


def floor_of(bench: Bench) -> float:
    """The loss that no model goes below on the first batch: soft labels, or equal inputs with different "
    "ones."""
    loss = bench.loss
    if loss is None or "target" not in loss.given:
        return 0.0
    target = loss.given["target"]
    scale = size_of_reduction(loss) * share_of_root(bench)
    if loss.function == "cross_entropy":
        soft = soft_floor(loss, target)
        return scale * (soft if soft is not None else duplicates(bench, target))
    if loss.function.startswith("binary_cross_entropy"):
        p = target.to(torch.float64).clamp(0, 1)
        return scale * float(-(p.xlogy(p) + (1 - p).xlogy(1 - p)).mean())
    return 0.0


def share_of_root(bench: Bench) -> float:
    """What backward starts from, over the value of the loss function."""
    loss, root = bench.loss, bench.root
    value = float(loss.value.sum()) if loss is not None else 0.0
    return root.value / value if root is not None and value else 1.0


def size_of_reduction(loss: LossCall) -> float:
    """How many means the loss adds up: 1 unless it is a sum."""
    scores = loss.given.get("input")
    if loss.given.get("reduction") == "sum" and isinstance(scores, Tensor):
        return scores.numel() / (scores.shape[1] if scores.dim() > 1 else 1)
    return 1.0


def soft_floor(loss: LossCall, target: Tensor) -> float | None:
    """The entropy of targets that are probabilities or smoothed; None for plain class ids."""
    scores = loss.given.get("input")
    smoothing = float(loss.given.get("label_smoothing") or 0.0)
    if target.is_floating_point():
        p = target.to(torch.float64)
        return float(-p.xlogy(p).sum(1).mean())
    if not smoothing or not isinstance(scores, Tensor) or scores.dim() < 2:
        return None
    classes = scores.shape[1]
    right, wrong = 1 - smoothing + smoothing / classes, smoothing / classes
    return -(right * math.log(right) + (classes - 1) * wrong * math.log(wrong))


def duplicates(bench: Bench, target: Tensor) -> float:
    """Mean entropy of the labels among samples with equal inputs."""
    if target.dim() != 1 or bench.forward is None:
        return 0.0
    inputs = next((t for t in tensors(bench.forward.args) if t.dim() and len(t) == len(target)), None)
    if inputs is None:
        return 0.0
    _, group = torch.unique(inputs.flatten(1) if inputs.dim() > 1 else inputs, dim=0, return_inverse=True)
    total = 0.0
    for number in group.unique().tolist():
        labels = target[group == number]
        if len(labels) > 1:
            share = labels.unique(return_counts=True)[1].to(torch.float64) / len(labels)
            total -= len(labels) * float(share.xlogy(share).sum())
    return total / max(1, len(target))


def majority(loss: LossCall | None) -> float | None:
    """Share of the most frequent class."""
    target = loss.given.get("target") if loss is not None else None
    if not isinstance(target, Tensor) or target.is_floating_point() or not target.numel():
        return None
    return float(target.flatten().unique(return_counts=True)[1].max()) / target.numel()
