"""Does what the model says of one sample depend on the others in its batch?"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm  # pyright: ignore[reportPrivateUsage]

from osler.model.setupfacts import MixingFact
from osler.preflight.bench import Bench, main_output
from osler.preflight.outcome import Outcome, Steps
from osler.replay.trees import mapped, tensors
from osler.replay.turn import ForwardCall

QUESTION = "does a sample's output depend on the other samples?"
COST = 0
FEWEST = 4
"""Samples below which an axis may be something else."""

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
        count = len(base)
        seen = [exchanged(bench, forward, base, number) for number in (0, count // 2)]
    seen = [s for s in seen if s is not None]
    if not seen:
        return Outcome(skipped="neighbouring samples are equal")
    changed, apart = min(c for c, _ in seen), min(d for _, d in seen)
    fact = MixingFact(type(forward.module).__name__, count, len(seen), changed, apart, forward.site)
    told = f"yes: exchanging one changes {changed} others" if changed and apart > SMALL else "no"
    return Outcome(told, {"others_changed": changed, "difference": apart}, (fact,))


def exchanged(bench: Bench, forward: ForwardCall, base: Tensor, number: int) -> tuple[int, float] | None:
    """How many other outputs change with one sample, and by how much; None if that sample did not change."""

    def neighbour(tensor: Tensor) -> Tensor:
        twin = tensor.detach().clone()
        if tensor.dim():
            twin[number] = tensor[(number + 1) % len(tensor)]
        return twin

    given = forward.args, forward.kwargs
    changed: Any = mapped(given, neighbour)
    if all(torch.equal(a, b) for a, b in zip(tensors(changed), tensors(given), strict=True)):
        return None
    output = main_output(bench.call(forward, *changed))
    if output is None or output.shape != base.shape:
        return None
    others = torch.arange(len(base), device=base.device) != number
    scale = float(base.abs().max()) or 1.0
    change = (
        (output - base)[others].flatten(1).abs().amax(1) if base.dim() > 1 else (output - base)[others].abs()
    )
    return int((change > SMALL * scale).sum()), float(change.max()) / scale
