"""Does what the model says of one sample depend on the others in its batch?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm  # pyright: ignore[reportPrivateUsage]

from osler.model import counted
from osler.model.setupfacts import MixingFact
from osler.preflight.bench import Bench, main_output
from osler.preflight.meeting import Meeting, meeting
from osler.preflight.outcome import Outcome, Steps
from osler.replay.trees import mapped, tensors
from osler.replay.turn import ForwardCall

QUESTION = "does a sample's output depend on the other samples?"
COST = 0
FEWEST = 4
"""Samples below which an axis may be something else."""

SOURCES = 6
"""Samples that are exchanged, one at a time, evenly spread over the batch."""

SMALL = 1e-5
"""Change, over the largest output, that rounding does not make."""


def reason(bench: Bench) -> str:  # noqa: PLR0911
    """Why it cannot be asked."""
    forward = bench.forward
    if forward is None:
        return "no model was called in the first turn"
    if any(is_normalised_together(layer) for layer in forward.module.modules()):
        return "a normalisation without running statistics mixes samples on purpose"
    if not bench.first.from_loader:
        return "no loader tells which axis of the input holds the samples"
    count, output = bench.samples, main_output(forward.output)
    if count < FEWEST:
        return f"the batch holds {count} samples"
    if output is None or not output.dim() or len(output) != count:
        return f"the output has no axis of {count} samples in front"
    return no_axis(bench, forward, output, count)


def is_normalised_together(layer: nn.Module) -> bool:
    """Whether a layer uses the statistics of the batch even in evaluation."""
    return isinstance(layer, _BatchNorm) and layer.running_mean is None


def no_axis(bench: Bench, forward: ForwardCall, output: Tensor, count: int) -> str:
    """Why the axis of the samples is not known for certain."""
    inputs = [t for t in tensors((forward.args, forward.kwargs)) if t.dim()]
    if any(len(t) != count for t in inputs) or not inputs:
        return f"an input has no axis of {count} samples in front"
    handed = tensors(bench.first.pool.entries[0].get(0))
    doubtful = [t for t in inputs if not any(t.shape == h.shape and torch.equal(t, h) for h in handed)]
    if any(count in t.shape[1:] for t in (*doubtful, output)):
        return f"another axis has the length of the batch too: {count}"
    return ""


def perform(bench: Bench) -> Steps:
    """Exchange one sample after another for its neighbour, in evaluation mode."""
    yield from ()
    forward = bench.forward
    assert forward is not None
    with bench.evaluating(forward):
        bench.observer.stills = True
        base, again = main_output(bench.call(forward)), main_output(bench.call(forward))
        if base is None or again is None or not torch.equal(base, again):
            return Outcome(skipped="two evaluations of the same batch differ")
        tried = [exchanged(bench, forward, base, number) for number in sources(len(base))]
        seen = [exchange for exchange in tried if exchange is not None]
        if not seen:
            return Outcome(skipped="no output changes with a neighbour in the place of a sample")
        mixing = [exchange for exchange in seen if exchange.others]
        if len(mixing) * 2 <= len(seen):  # a few may be special, as the longest of a batch is
            return apart(forward, len(base), seen, mixing)
        number = mixing[0].number
        place = meeting(bench, forward, number, with_neighbour(forward, number))
    return mixed(forward, len(base), mixing, place)


def sources(count: int) -> list[int]:
    """Samples that are exchanged, never the last alone: what is read in one direction ends with it."""
    return sorted({count * k // SOURCES for k in range(SOURCES)})


@dataclass(frozen=True, slots=True)
class Exchange:
    """What changes when its neighbour stands in the place of one sample.

    Attributes:
        number: of the sample in its batch.
        others: samples other than itself whose outputs change.
        difference: largest change among those, over the largest output.
    """

    number: int
    others: int
    difference: float


def exchanged(bench: Bench, forward: ForwardCall, base: Tensor, number: int) -> Exchange | None:
    """What changes with one sample; None if no output does.

    A sample whose own output stays as it was says nothing of the others: the two may be equal in all that
    the model looks at.
    """
    output = main_output(bench.call(forward, *with_neighbour(forward, number)))
    if output is None or output.shape != base.shape:
        return None
    scale = float(base.abs().max()) or 1.0
    change = (output - base).reshape(len(base), -1).abs().amax(1) / scale
    if not float(change.max()) > SMALL:
        return None
    change[number] = 0.0
    return Exchange(number, int((change > SMALL).sum()), float(change.max()))


def with_neighbour(forward: ForwardCall, number: int) -> Any:
    """Arguments of the model, with its neighbour in the place of one sample."""

    def neighbour(tensor: Tensor) -> Tensor:
        twin = tensor.detach().clone()
        if tensor.dim():
            twin[number] = tensor[(number + 1) % len(tensor)]
        return twin

    return mapped((forward.args, forward.kwargs), neighbour)


def apart(forward: ForwardCall, count: int, seen: list[Exchange], mixing: list[Exchange]) -> Outcome:
    """As a rule a sample changes no output but its own."""
    fact = MixingFact(type(forward.module).__name__, count, len(seen), 0, 0.0, forward.site)
    told = f"no, but {len(mixing)} of {len(seen)} samples do change others" if mixing else "no"
    return Outcome(told, {"others_changed": 0, "difference": 0.0}, (fact,))


def mixed(forward: ForwardCall, count: int, mixing: list[Exchange], place: Meeting | None) -> Outcome:
    """Samples change outputs for others."""
    changed, difference = min(e.others for e in mixing), max(e.difference for e in mixing)
    layer = (place.name, place.kind, place.reads) if place is not None else ()
    model = type(forward.module).__name__
    fact = MixingFact(model, count, len(mixing), changed, difference, forward.site, *layer)
    where = f", in `{place.name}`" if place is not None else ""
    told = f"yes: exchanging one changes {counted(changed, 'other')}{where}"
    return Outcome(told, {"others_changed": changed, "difference": difference}, (fact,))
