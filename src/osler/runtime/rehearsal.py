"""Before training begins: use once what takes long at its first use, such as operations of torch."""

from __future__ import annotations

import torch

from osler.model import Kind, Place, Run
from osler.runtime.guard import Guard
from osler.runtime.loss_inputs import contract
from osler.runtime.measures import nameless
from osler.runtime.measuring import Measuring

SAMPLES = 64
"""Enough for the kernels that work on many numbers at once, far too few for torch to start its threads."""


def rehearse() -> None:
    """Take every measure of a batch of 64 that nobody sees.

    No random number is drawn, nothing is put on an accelerator, and the tensors are too small for torch to
    start its threads: the script may still choose how many there are.
    """
    measuring = Measuring(Run(), Guard(unheard), 1.0, nameless)
    inputs = torch.arange(SAMPLES * 16.0, device="cpu").view(SAMPLES, 16)
    targets = torch.arange(SAMPLES, device="cpu") % 16
    weight = inputs.clone().requires_grad_()
    weight.grad = inputs.clone()
    moment = measuring.moment
    moment.batch, moment.scores, moment.targets = [inputs, targets], inputs, targets
    measuring.take(Kind.BATCH)
    measuring.take(Kind.LOSS)
    measuring.before_hand([weight])
    measuring.stepped_by_hand([weight])
    contract("cross_entropy", (Place("", 0, ""),), inputs)


def unheard(sentence: str) -> None:
    """A fault here is met again in training, and told then."""
    del sentence
