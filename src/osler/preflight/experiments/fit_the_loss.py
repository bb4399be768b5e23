"""Does the loss suit what it compares: classes with a column each, numbers with numbers?"""

from __future__ import annotations

import torch
from torch import Tensor

from osler.model.setupfacts import UnsuitedLossFact
from osler.preflight.bench import Bench, main_output
from osler.preflight.outcome import Outcome, Steps
from osler.replay.trees import tensors
from osler.replay.turn import LossCall

QUESTION = "does the loss suit what it compares?"
COST = 0
OF_CLASSES = ("cross_entropy", "nll_loss")
OF_NUMBERS = ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss")
FEWEST = 3
"""Classes below which 0 and 1 may be meant as numbers."""


def reason(bench: Bench) -> str:
    """Why it cannot be asked."""
    if bench.forward is None:
        return "no model was called in the first turn"
    if any(call.function in OF_CLASSES for call in bench.seen.losses):
        return ""
    if not any(call.function in OF_NUMBERS for call in bench.seen.losses):
        return "the loss is neither one over classes nor a squared or absolute error"
    if not bench.first.from_loader or not any(is_ids(t) for t in tensors(bench.first.pool.entries[0])):
        return "no loader hands out whole numbers, one for each sample"
    return ""


def is_ids(tensor: Tensor) -> bool:
    """Whether a tensor holds one whole number for each sample, counted from nought."""
    whole = not tensor.is_floating_point() and not tensor.is_complex() and tensor.dtype is not torch.bool
    return whole and tensor.dim() > 0 and tensor.numel() == len(tensor) > 1 and int(tensor.min()) >= 0


def perform(bench: Bench) -> Steps:
    """Count the columns of losses over classes; compare the targets of errors with class ids of the batch."""
    yield from ()
    for call in bench.seen.losses:
        scores = call.given.get("input")
        if call.function in OF_CLASSES and isinstance(scores, Tensor):
            if scores.dim() > 1 and scores.shape[1] == 1 and has_one_column(bench):
                fact = UnsuitedLossFact(call.function, 1, 0, call.site)
                return Outcome("no: one column is all that it compares", {"columns": 1}, (fact,))
        elif call.function in OF_NUMBERS and (classes := classes_in(bench, call)):
            fact = UnsuitedLossFact(call.function, classes, classes, call.site)
            told = f"no: numbers of classes, from 0 to {classes - 1}, are compared as if they were amounts"
            return Outcome(told, {"columns": classes}, (fact,))
    return Outcome("yes")


def has_one_column(bench: Bench) -> bool:
    """The model itself gives one column: similarities with a memory that fills up are one at first, too."""
    output = main_output(bench.forward.output) if bench.forward is not None else None
    return output is not None and output.dim() > 1 and output.shape[1] == 1


def classes_in(bench: Bench, call: LossCall) -> int:
    """How many classes the labels of the batch tell, if the error compares with their numbers; else 0."""
    assert bench.forward is not None
    output, target = main_output(bench.forward.output), call.given.get("target")
    if output is None or output.dim() != 2 or not isinstance(target, Tensor) or not bench.first.from_loader:
        return 0
    handed = [[t.reshape(-1) for t in tensors(entry) if is_ids(t)] for entry in bench.first.pool.entries]
    classes = max((int(t.max()) + 1 for ids in handed for t in ids), default=0)
    if output.shape[1] != classes or classes < FEWEST:
        return 0
    return classes if any(is_spread(target, ids) for ids in handed[0]) else 0


def is_spread(target: Tensor, ids: Tensor) -> bool:
    """Whether each row of a target holds the number of a class and nothing else."""
    if not target.dim() or len(target) != len(ids):
        return False
    rows = target.reshape(len(target), -1)
    return torch.equal(rows, ids.to(rows)[:, None].expand_as(rows))
