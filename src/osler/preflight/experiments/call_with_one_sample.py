"""The last batch of a pass holds one sample: do the model and the loss function take it?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from osler.model import Place, Site
from osler.model.setupsamples import LoneSampleFact
from osler.preflight.bench import Bench, main_output
from osler.preflight.outcome import Outcome, Steps
from osler.preflight.reading import heeds_size, may_end_early
from osler.replay.trees import mapped, tensors
from osler.replay.turn import ForwardCall, LossCall, Turn

QUESTION = "do model and loss take a last batch of one sample?"
COST = 1
REFUSALS = (ValueError, RuntimeError, IndexError, TypeError)
"""What torch raises about shapes."""


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """A call with few samples.

    Attributes:
        output: its first tensor of real numbers.
        error: what it raised, in words; empty if nothing.
        site: the user's line that raised.
    """

    output: Tensor | None = None
    error: str = ""
    site: Site = ()


def reason(bench: Bench) -> str:  # noqa: PLR0911
    """Why it cannot be asked."""
    forward = bench.forward
    if forward is None:
        return "no model was called in the first turn"
    if not bench.first.drawn:
        return "no loader tells how large its last batch is"
    if bench.first.rest != 1:
        return "no batch holds a single sample"
    if bench.samples < 2:
        return "every batch holds a single sample"
    if may_end_early(forward.site):
        return "the loop may leave a pass before its last batch"
    if heeds_size(forward.site):
        return "the loop heeds the size of its batches, or catches errors"
    return "" if is_handed(bench, forward) else "what the model is given is not what the loader hands out"


def is_handed(bench: Bench, forward: ForwardCall) -> bool:
    """Whether all that the model is given has the samples in front, and some of it is the loader's."""
    given = [t for t in tensors((forward.args, forward.kwargs)) if t.dim()]
    handed = tensors(bench.first.pool.entries[0].get(0))
    from_loader = any(t.numel() == h.numel() and torch.equal(t.flatten(), h.to(t).flatten())
                      for t in given for h in handed)  # fmt: skip
    return from_loader and all(len(t) == bench.samples for t in given)


def perform(bench: Bench) -> Steps:
    """Call the model with two samples and with one, dropout off; then the loss function with what it says."""
    yield Turn(0)  # leaves the layers in the modes in which the loop trains them
    forward = bench.forward
    assert forward is not None
    bench.calm()
    two, one = tried(bench, forward, 2), tried(bench, forward, 1)
    if two.error or two.output is None or not two.output.dim() or len(two.output) != 2:
        return Outcome(skipped="the model does not take two samples either")
    name = type(forward.module).__name__
    if one.error:
        return answered(bench, name, one.error, one.site or forward.site, squeezed=False)
    shape = () if one.output is None else tuple(one.output.shape)
    whole = (1, *two.output.shape[1:])
    refusal = compared(bench, forward, one)
    if refusal and bench.loss is not None:
        return answered(bench, bench.loss.function, refusal, bench.loss.site, squeezed=True)
    if shape != whole:
        told = f"the model takes it, and returns shape {shape} instead of {whole}"
        return Outcome(told, {}, (fact(bench, name, "", forward.site, squeezed=True),))
    return Outcome("yes")


def tried(bench: Bench, forward: ForwardCall, count: int) -> Trial:
    """Call the model with the first samples of its batch."""

    def first(tensor: Tensor) -> Tensor:
        return tensor[:count] if tensor.dim() else tensor

    try:
        output = bench.attempt(forward, mapped(forward.args, first), mapped(forward.kwargs, first))
    except REFUSALS as error:
        return Trial(error=in_words(error), site=raised_at(bench, error))
    return Trial(main_output(output))


def raised_at(bench: Bench, error: BaseException) -> Site:
    """The innermost line of the user's in a traceback."""
    site: Site = ()
    entry = error.__traceback__
    while entry is not None:
        code = entry.tb_frame.f_code
        if bench.observer.lines.kind(code):
            site = (Place(code.co_filename, entry.tb_lineno, code.co_name),)
        entry = entry.tb_next
    return site


def in_words(error: BaseException) -> str:
    """An error in one line."""
    return f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else ''}"


def compared(bench: Bench, forward: ForwardCall, one: Trial) -> str:
    """What the loss function raises about a single sample; empty if nothing, or if that is not known."""
    call, output = bench.loss, main_output(forward.output)
    if call is None or output is None or one.output is None:
        return ""
    scores, target = call.given.get("input"), call.given.get("target")
    if not isinstance(scores, Tensor) or not isinstance(target, Tensor) or not scores.dim():
        return ""
    handed = tensors(bench.first.pool.entries[0].get(0))
    is_label = any(h.shape == target.shape and torch.equal(h.to(target), target) for h in handed)
    if not is_label or isinstance(call.given.get("weight"), Tensor) or len(scores) != bench.samples:
        return ""
    if call.squeezed:
        lone = scores[:1].squeeze()
    elif scores.shape == output.shape and one.output.numel() == scores[:1].numel():
        lone = scores[:1].reshape(one.output.shape)  # only the shape matters
    else:
        return ""
    return "" if asked(call, scores[:2], target[:2]) else asked(call, lone, target[:1])


def asked(call: LossCall, scores: Tensor, target: Tensor) -> str:
    """What a loss function raises, in words; empty if nothing."""
    given: dict[str, Any] = {**call.given, "input": scores, "target": target}
    try:
        with torch.no_grad():
            getattr(F, call.function)(**given)
    except REFUSALS as error:
        return in_words(error)
    return ""


def answered(bench: Bench, name: str, error: str, site: Site, *, squeezed: bool) -> Outcome:
    """It is not taken."""
    told = f"no: `{name}` stops with {error}"
    return Outcome(told, {}, (fact(bench, name, error, site, squeezed=squeezed),))


def fact(bench: Bench, name: str, error: str, site: Site, *, squeezed: bool) -> LoneSampleFact:
    """The answer with what the loader hands out."""
    first = bench.first
    return LoneSampleFact(name, error, squeezed, first.drawn, bench.samples, first.asked_at, site)
