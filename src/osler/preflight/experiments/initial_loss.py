"""What does the loss say before anything was learned? Guessing gives ln C, ln 2, or the variance."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from osler.model.setupfacts import InitialLossFact
from osler.preflight.bench import Bench
from osler.preflight.outcome import Outcome, Steps
from osler.replay.trees import tensors
from osler.replay.turn import LossCall

QUESTION = "is the first loss that of a guess?"
COST = 0
Parts = tuple[Tensor, Tensor | None, float, float, int]
"""Loss of each row, its class if it has one, the loss expected of chance labels, that of a guess, classes."""

OF_CLASSES = ("cross_entropy", "nll_loss")
FUNCTIONS = (*OF_CLASSES, "binary_cross_entropy_with_logits", "binary_cross_entropy", "mse_loss")

NEAR = 1e-3
"""Distance of a sum of probabilities from 1 up to which it is rounding."""

SMALLEST = 1e-12
"""Probability that a yes or no has at least: torch cuts its logarithm as well."""


def reason(bench: Bench) -> str:
    """Why it cannot be asked."""
    if not bench.seen.losses:
        return "no loss function of torch was called in the first turn"
    known = [call for call in bench.seen.losses if judged(call)]
    if not known:
        return f"chance is not known for {bench.seen.losses[0].function}"
    if all(is_picked(bench, call) for call in known):
        return "the loss is taken of samples that were picked from the batch, perhaps the hardest"
    return ""


def is_picked(bench: Bench, call: LossCall) -> bool:
    """Whether the loss sees fewer samples than the loader has handed out, and no stretch of them."""
    target = call.given["target"]
    if not bench.first.from_loader or not target.dim() or len(target) >= bench.samples:
        return False
    handed = tensors(bench.first.pool.entries[0])
    alike = [t for t in handed if t.dim() == target.dim() and t.shape[1:] == target.shape[1:]]
    stretches = (t[at : at + len(target)].to(target) for t in alike for at in range(len(t) - len(target) + 1))
    return not any(torch.equal(stretch, target) for stretch in stretches)


def judged(call: LossCall) -> str | None:
    """The function, if it is known what guessing gives for these arguments."""
    scores, target = call.given.get("input"), call.given.get("target")
    if call.function not in FUNCTIONS or not isinstance(scores, Tensor) or not isinstance(target, Tensor):
        return None
    if call.function in OF_CLASSES:
        is_ids = not target.is_floating_point() and scores.dim() >= 2 and target.numel() > 1
        are_logits = call.function == "cross_entropy"
        return call.function if is_ids and (are_logits or are_log_probabilities(scores)) else None
    return call.function if scores.shape == target.shape and target.numel() > 1 else None


def are_log_probabilities(scores: Tensor) -> bool:
    """Whether the classes of each row have probabilities that sum to 1."""
    return bool((scores.detach().double().exp().sum(1) - 1).abs().max() < NEAR)


def perform(bench: Bench) -> Steps:
    """Compare each loss of the first turn with what guessing gives."""
    yield from ()
    facts = [
        measured(bench, call) for call in bench.seen.losses if judged(call) and not is_picked(bench, call)
    ]
    first = facts[0]
    name = f"ln {first.classes}" if first.classes else "the mean square of the targets"
    answer = f"{first.value:.4g}, a guess gives {name} = {first.chance:.4g}"
    values = {"loss": first.value, "chance": first.chance, "expected": first.expected, "scores": first.scores}
    return Outcome(answer, values, tuple(facts))


def measured(bench: Bench, call: LossCall) -> InitialLossFact:
    """One loss in numbers."""
    scores, target = scores_of(call), call.given["target"]
    rows, alike, expected, chance, classes = PARTS[call.function](call, scores, target)
    inputs = [t for c in bench.seen.forwards for t in tensors(c.args) if t.is_floating_point() and t.numel()]
    spread = scores.std(1).mean() if scores.dim() > 1 and scores.shape[1] > 1 else scores.std()
    return InitialLossFact(
        function=call.function,
        value=float(rows.mean()),
        chance=chance,
        error=error_of(rows, alike),
        classes=classes,
        rows=rows.numel(),
        expected=expected,
        scores=float(spread),
        inputs=max((float(t.abs().max()) for t in inputs), default=None),
        pretrained=bench.pretrained,
        weighted=call.given.get("weight") is not None or call.given.get("pos_weight") is not None
        or bool(call.given.get("label_smoothing")),
        site=call.site,
        angles=call.angles,
    )  # fmt: skip


def scores_of(call: LossCall) -> Tensor:
    """What the network says before it becomes probabilities."""
    given: Tensor = call.given["input"].double()
    return given.logit(SMALLEST) if call.function == "binary_cross_entropy" else given


def error_of(rows: Tensor, alike: Tensor | None) -> float:
    """Standard error of the mean of the rows.

    Samples of one class resemble each other, and so do the scores that an untrained network gives them: not
    the samples are independent then but the classes (errors of clustered samples, Moulton 1990).

    Args:
        rows: (samples,) losses.
        alike: (samples,) the class of each; None if all are independent.
    """
    error = float(rows.std() / math.sqrt(rows.numel()))
    if alike is None or not alike.numel():
        return error
    sums = torch.zeros(int(alike.max()) + 1, dtype=rows.dtype).index_add(0, alike, rows - rows.mean())
    present = len(alike.unique())
    clustered = float(sums.norm()) / rows.numel() * math.sqrt(present / max(1, present - 1))
    return max(error, clustered)


def of_classes(call: LossCall, scores: Tensor, target: Tensor) -> Parts:
    """Loss of each row without weights; for labels drawn by their frequencies; of a guess; classes."""
    classes = scores.shape[1]
    ignored = call.given.get("ignore_index", -100)
    table = scores.movedim(1, -1).reshape(-1, classes)
    labels = target.reshape(-1)
    valid = (labels != ignored) & (labels >= 0) & (labels < classes)
    table, labels = table[valid], labels[valid].long()
    rows = F.cross_entropy(table, labels, reduction="none")
    share = torch.bincount(labels, minlength=classes).double() / max(1, len(labels))
    expected = float((-table.log_softmax(1) * share).sum(1).mean())
    return rows, labels, expected, math.log(classes), classes


def of_yes_and_no(_: LossCall, scores: Tensor, target: Tensor) -> Parts:
    """The same where each entry is a yes or no."""
    target = target.double()
    rows = F.binary_cross_entropy_with_logits(scores, target, reduction="none").flatten()
    share = target.mean()
    expected = float((F.softplus(-scores) * share + F.softplus(scores) * (1 - share)).mean())
    return rows, None, expected, math.log(2), 2


def of_numbers(_: LossCall, scores: Tensor, target: Tensor) -> Parts:
    """The same for squared errors: a guess of nought."""
    target = target.double()
    rows = (scores - target).square().flatten()
    expected = float(scores.var() + target.var() + (scores.mean() - target.mean()).square())
    return rows, None, expected, float(target.square().mean()), 0


PARTS = {
    "cross_entropy": of_classes,
    "nll_loss": of_classes,
    "binary_cross_entropy_with_logits": of_yes_and_no,
    "binary_cross_entropy": of_yes_and_no,
    "mse_loss": of_numbers,
}
