"""Keep the first samples that a model is trained on, as it is given them; only for `--keep samples`."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from osler.model import Run, SampleFact, SamplesFact, Site
from osler.runtime.guard import Gate
from osler.runtime.registry import plain, tensors_in

MOST = 16
"""Samples of a batch that are kept."""

MODELS = 3
"""Models whose samples are kept."""

SIDE = 64
"""Points of a picture along each side at most; larger ones are shown with every second, third, … point."""

NUMBERS = 32
"""Numbers of a sample that is no picture."""

COLOURS = (1, 3)
"""Channels of a picture that can be shown as such; of others the first is."""

FLAT = 2
"""Axes of a batch up to which a sample is a row of numbers."""


class Samples:
    """Takes the first rows of the first batch that each model is trained on, and their labels.

    Args:
        run: the evidence that grows.
        gate: contains faults of ours.

    Attributes:
        on: samples are to be kept.
    """

    def __init__(self, run: Run, gate: Gate) -> None:
        self.on = False
        self._run = run
        self._gate = gate
        self._waiting = ""

    def forward(self, model: str, args: tuple[Any, ...], kwargs: dict[str, Any], site: Site) -> None:
        """A model was called with recording on."""
        if self.on:
            self._gate.within(self._forward, model, args, kwargs, site)

    def _forward(self, model: str, args: tuple[Any, ...], kwargs: dict[str, Any], site: Site) -> None:
        kept = self._run.samples
        if model in kept or len(kept) == MODELS:
            return
        given = tensors_in([*args, *kwargs.values()])
        first = next((t for t in given if t.dim() and t.numel() and plain(t)), None)
        if first is not None:
            kept[model] = taken(model, first.detach(), site, self._run.steps)
            self._waiting = model

    def loss(self, targets: object) -> None:
        """A loss compares with these: labels, if there is one for each sample."""
        if self._waiting:
            self._gate.within(self._loss, targets)

    def _loss(self, targets: object) -> None:
        fact = self._run.samples.get(self._waiting)
        if fact is None or not isinstance(targets, Tensor) or not plain(targets):
            return
        self._waiting = ""
        if targets.dim() == 1 and len(targets) == fact.rows:
            labels = targets[: len(fact.samples)].detach().cpu().tolist()
            named = [replace(s, label=f"{label:.6g}") for s, label in zip(fact.samples, labels, strict=True)]
            self._run.samples[fact.model] = replace(fact, samples=tuple(named))


def taken(model: str, batch: Tensor, site: Site, step: int) -> SamplesFact:
    """The first samples of a batch: (samples, ...)."""
    rows = batch[:MOST].cpu()
    numbers = rows.double() if not rows.is_complex() else rows.abs().double()
    finite = numbers[numbers.isfinite()]
    low, high = (float(finite.min()), float(finite.max())) if finite.numel() else (0.0, 0.0)
    fact = SamplesFact(
        model,
        site,
        step,
        shape=tuple(batch.shape[1:]),
        dtype=str(batch.dtype).removeprefix("torch."),
        rows=len(batch),
        lowest=low,
        highest=high,
    )
    if numbers.dim() <= FLAT:
        each = [tuple(row[:NUMBERS].tolist()) for row in numbers.reshape(len(numbers), -1)]
        return replace(fact, samples=tuple(SampleFact(numbers=row) for row in each))
    pictures = pictures_of(numbers)
    span = (high - low) or 1.0
    shades = ((pictures - low) / span * 255).nan_to_num(0.0, 255.0, 0.0).clamp(0, 255).to(torch.uint8)
    _, height, width, channels = shades.shape
    coded = [SampleFact(pixels=b64encode(bytes(s.flatten().tolist())).decode("ascii")) for s in shades]
    return replace(fact, height=height, width=width, channels=channels, samples=tuple(coded))


def pictures_of(batch: Tensor) -> Tensor:
    """A batch as pictures of at most 64 × 64 points: (samples, height, width, channels)."""
    while batch.dim() > 4:
        batch = batch[:, :, 0] if batch.shape[1] in COLOURS else batch[:, 0]
    if batch.dim() == FLAT + 1:  # a sequence of vectors, or a picture without channels
        batch = batch[:, None]
    if batch.shape[1] not in COLOURS and batch.shape[-1] in COLOURS:
        batch = batch.movedim(-1, 1)
    if batch.shape[1] not in COLOURS:
        batch = batch[:, :1]
    every = [-(-side // SIDE) for side in batch.shape[2:]]
    return batch[:, :, :: every[0], :: every[1]].movedim(1, -1)
