"""Does the model heed the masks that it is given? Another mask must change something."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from osler.model import listed
from osler.model.setupfacts import IgnoredMaskFact
from osler.preflight.bench import Bench
from osler.preflight.outcome import Outcome, Steps
from osler.replay.trees import mapped, tensors
from osler.replay.turn import ForwardCall, Turn

QUESTION = "does the model heed the masks that it is given?"
TURNS = 5
COST = TURNS
"""A branch that starts at zero needs some steps before anything shows."""

WORDS = ("mask", "pad")
"""Parts of the name of an argument that says which positions count."""

FAR = -1e3
"""Numbers below which an additive mask switches a position off."""


def reason(bench: Bench) -> str:
    """Why it cannot be asked."""
    if bench.forward is None:
        return "no model was called in the first turn"
    found = dict(masks(bench.forward))
    if not found:
        return "the model is given no mask"
    if not any(is_telling(mask) for mask in found.values()):
        return f"{listed(list(found))} does not tell positions of two kinds apart in the first batch"
    return ""


def named(forward: ForwardCall) -> Mapping[str, Any]:
    """The arguments of a model by name; none if its forward does not name them."""
    try:
        return (
            inspect.signature(forward.module.forward).bind_partial(*forward.args, **forward.kwargs).arguments
        )
    except (TypeError, ValueError):
        return {}


def masks(forward: ForwardCall) -> Iterator[tuple[str, Tensor]]:
    """Arguments whose name and values say which positions count."""
    arguments = named(forward)
    for name, value in {**arguments, **arguments.get("kwargs", {})}.items():
        if isinstance(value, Tensor) and value.dim() and any(word in name.lower() for word in WORDS):
            yield name, value


def is_telling(mask: Tensor) -> bool:
    """Whether a tensor has two values, one for positions that count and one for the others."""
    values = mask.unique()
    if len(values) != 2:
        return False
    low, high = sorted(float(v) for v in values)
    return (low, high) == (0, 1) or (high == 0 and low < FAR)


def others(mask: Tensor) -> Iterator[Tensor]:
    """Other masks of the same kind, the mildest first."""
    if mask.dim() > 1:
        yield mask.roll(1, 0)
    first, second = mask.unique()
    yield torch.full_like(mask, first.item())
    yield torch.full_like(mask, second.item())
    yield torch.where(mask == first, second, first)


def perform(bench: Bench) -> Steps:
    """Train a little, then put other masks in the place of each."""
    forward = bench.forward
    assert forward is not None
    steps = 0
    for turn in range(TURNS):
        seen = yield Turn(turn % max(1, len(bench.first.pool.entries)))
        steps += seen.steps
    if any(p.dim() > 1 and p.requires_grad and not p.any() for p in forward.module.parameters()):
        return Outcome(skipped="weights of the model are still all zero, and may hide what a mask does")
    facts: list[IgnoredMaskFact] = []
    asked = {name: mask for name, mask in masks(forward) if is_telling(mask)}
    with bench.evaluating(forward):
        bench.observer.stills = True
        base, again = bench.call(forward), bench.call(forward)
        if not tensors(base) or not alike(base, again):
            return Outcome(skipped="two evaluations of the same batch differ")
        for name, mask in asked.items():
            if all(alike(base, with_mask(bench, forward, mask, other)) for other in others(mask)):
                facts.append(IgnoredMaskFact(type(forward.module).__name__, name, steps, forward.site))
    if not facts:
        return Outcome(f"yes: another {listed(list(asked))} changes the output", {"masks": len(asked)})
    ignored = listed([fact.name for fact in facts])
    return Outcome(f"no: no other {ignored} changes anything", {"masks": len(asked)}, tuple(facts))


def alike(one: Any, other: Any) -> bool:
    """Whether two outputs are equal bit for bit."""
    pairs = zip(tensors(one), tensors(other), strict=False)
    return all(a.shape == b.shape and torch.equal(a, b) for a, b in pairs)


def with_mask(bench: Bench, forward: ForwardCall, mask: Tensor, other: Tensor) -> Any:
    """What the model returns if one of its masks is another."""

    def exchanged(tensor: Tensor) -> Tensor:
        return other if tensor is mask else tensor

    return bench.call(forward, mapped(forward.args, exchanged), mapped(forward.kwargs, exchanged))
