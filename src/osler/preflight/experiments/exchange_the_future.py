"""A model that is to predict the next token: does it see that token?"""

from __future__ import annotations

import torch
from torch import Tensor

from osler.model.setupfacts import FutureFact
from osler.preflight.bench import Bench, main_output
from osler.preflight.outcome import Outcome, Steps
from osler.replay.trees import mapped, tensors

QUESTION = "does the model see the token that it is to predict?"
COST = 0
SHORTEST = 4
"""Tokens below which shifted labels may be chance."""

SMALL = 1e-4
"""Change, over the largest output, that rounding does not make."""


def reason(bench: Bench) -> str:
    """Why it cannot be asked."""
    if bench.forward is None:
        return "no model was called in the first turn"
    if tokens(bench) is None:
        return "the labels are not the inputs shifted by one"
    return ""


def tokens(bench: Bench) -> tuple[Tensor, int] | None:
    """The sequence of tokens among the arguments, and its axis of time, if the labels are the next ones."""
    if bench.forward is None or bench.loss is None:
        return None
    target = bench.loss.given.get("target")
    output = main_output(bench.forward.output)
    if not isinstance(target, Tensor) or target.is_floating_point() or output is None:
        return None
    ignored = bench.loss.given.get("ignore_index", -100)
    for inputs in tensors((bench.forward.args, bench.forward.kwargs)):
        if inputs.is_floating_point() or inputs.dim() not in (1, 2) or inputs.numel() != target.numel():
            continue
        if (inputs == ignored).any():  # labels that the model is given too
            continue
        if output.shape[: inputs.dim()] == inputs.shape:
            times = [axis for axis in range(inputs.dim()) if is_shifted(inputs, target, axis, ignored)]
            if times:
                return inputs, times[0]
    return None


def is_shifted(inputs: Tensor, target: Tensor, time: int, ignored: int) -> bool:
    """Whether the labels are the inputs, one token later along this axis, wherever they are not ignored."""
    length, labels = inputs.shape[time], target.reshape(inputs.shape)
    if length < SHORTEST:
        return False
    later, now = inputs.narrow(time, 1, length - 1), labels.narrow(time, 0, length - 1)
    told = now != ignored
    return torch.equal(later[told], now[told]) and later[told].unique().numel() > 1


def others(first: Tensor, second: Tensor, time: int) -> Tensor:
    """Other tokens for the second half: of the neighbouring text, or of the first half if there is one."""
    if second.dim() > 1 and second.shape[1 - time] > 1:
        return second.roll(1, 1 - time)
    places = torch.arange(second.shape[time], device=first.device) % first.shape[time]
    return first.index_select(time, places)


def perform(bench: Bench) -> Steps:
    """Exchange the second half of the tokens; what is said of the first half must stay."""
    yield from ()
    forward, found = bench.forward, tokens(bench)
    assert forward is not None
    assert found is not None
    inputs, time = found
    length = inputs.shape[time]
    middle = length // 2

    def turned(tensor: Tensor) -> Tensor:
        if tensor is not inputs:
            return tensor
        first, second = tensor.narrow(time, 0, middle), tensor.narrow(time, middle, length - middle)
        return torch.cat([first, others(first, second, time)], time)

    with bench.evaluating(forward):
        bench.observer.stills = True
        base, again = main_output(bench.call(forward)), main_output(bench.call(forward))
        other = main_output(bench.call(forward, *mapped((forward.args, forward.kwargs), turned)))
    if base is None or again is None or other is None or not torch.equal(base, again):
        return Outcome(skipped="two evaluations of the same batch differ")
    scale = float(base.abs().max()) or 1.0
    apart = (other - base).abs().movedim(time, 0)[:middle].flatten(1).amax(1) / scale
    changed = int((apart > SMALL).sum())
    fact = FutureFact(
        type(forward.module).__name__, length, middle, changed, float(apart.max()), forward.site
    )
    told = f"yes: tokens from {middle} on change {changed} of the outputs before them" if changed else "no"
    return Outcome(told, {"changed": changed, "difference": float(apart.max())}, (fact,))
