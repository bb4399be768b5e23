"""Test on values what a classification loss was given: logits, probabilities or log-probabilities."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from osler.model import LossInputFact, Site

TOLERANCE = 1e-3
"""How far a row sum may be from 1, or a logsumexp from 0: softmax over 50,000 classes errs by 1e-4."""

HALF_TOLERANCE = 2e-2
"""The same for 16-bit inputs."""

MOST_ROWS = 4_096
"""Rows tested per call."""

MOST_ELEMENTS = 1 << 16
"""Numbers tested per call: a language model's logits are a hundred times as many."""

FEWEST_ROWS = 32
"""Rows tested per call however many classes there are."""

CLASS_AXIS = 1


def rows_of(scores: Tensor) -> Tensor | None:
    """Scores as rows, one per sample or position: (rows, classes); None if they have no class axis."""
    if scores.dim() < 2 or scores.shape[CLASS_AXIS] < 2 or not scores.is_floating_point():
        return None
    most = min(MOST_ROWS, max(FEWEST_ROWS, MOST_ELEMENTS // scores.shape[CLASS_AXIS]))
    some = few(scores.detach(), most)
    return some.movedim(CLASS_AXIS, -1).reshape(-1, scores.shape[CLASS_AXIS])[:most].float()


def few(scores: Tensor, rows: int) -> Tensor:
    """A view of about so many rows: the first samples, and of a large picture every so manieth line."""
    positions = max(1, scores[:1, 0].numel())
    some = scores[: -(-rows // positions)]
    if positions <= rows or scores.dim() == CLASS_AXIS + 1:
        return some
    return some[:, :, :: min(positions // rows, scores.shape[2])]


def contract(function: str, site: Site, scores: Tensor) -> LossInputFact | None:
    """What the rows of the first argument are; None if it has none, or they are not finite."""
    rows = rows_of(scores)
    if rows is None or rows.shape[0] == 0:
        return None
    is_wide = scores.dtype in (torch.float32, torch.float64) and not was_half(rows)
    tolerance = TOLERANCE if is_wide else HALF_TOLERANCE
    sums, lows, highs = rows.sum(1), rows.amin(1), rows.amax(1)
    if not bool(torch.isfinite(sums).all()):
        return None
    within = (lows >= -tolerance) & (highs <= 1 + tolerance)
    return LossInputFact(
        function=function,
        site=site,
        rows=rows.shape[0],
        probability_rows=int((((sums - 1).abs() <= tolerance) & within).sum()),
        log_probability_rows=int((torch.logsumexp(rows, 1).abs() <= tolerance).sum()),
        positive_rows=int((highs > tolerance).sum()),
        classes=rows.shape[1],
        lowest=float(lows.min()),
        highest=float(highs.max()),
        sum_low=float(sums.min()),
        sum_high=float(sums.max()),
    )


def was_half(rows: Tensor) -> bool:
    """Whether numbers have been in half precision and were made wide again: they are still as rounded."""
    return any(torch.equal(rows, rows.to(kind).to(rows.dtype)) for kind in (torch.bfloat16, torch.float16))


def together(known: LossInputFact | None, new: LossInputFact) -> LossInputFact:
    """Two tests at one site as one fact."""
    if known is None:
        return new
    return replace(
        known,
        rows=known.rows + new.rows,
        probability_rows=known.probability_rows + new.probability_rows,
        log_probability_rows=known.log_probability_rows + new.log_probability_rows,
        positive_rows=known.positive_rows + new.positive_rows,
        lowest=min(known.lowest, new.lowest),
        highest=max(known.highest, new.highest),
        sum_low=min(known.sum_low, new.sum_low),
        sum_high=max(known.sum_high, new.sum_high),
        made_at=new.made_at or known.made_at,
        made_by=new.made_by or known.made_by,
    )


def suspicious(fact: LossInputFact) -> bool:
    """Whether it is worth finding the line that made these rows."""
    if fact.made_at:
        return False
    if fact.probability_rows == fact.rows:
        return True
    return (
        fact.function == "nll_loss" and fact.positive_rows > fact.rows // 2 and not fact.log_probability_rows
    )
