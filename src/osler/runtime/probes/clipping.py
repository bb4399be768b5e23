"""Gradient clipping: when, of which gradients, and how far the norm was above the limit."""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import torch.nn.utils.clip_grad as clip_grad
from torch import Tensor
from torch.compiler import is_compiling

from osler.model import Kind
from osler.runtime.gradients import Holder
from osler.runtime.marks import Mark, mark
from osler.runtime.patches import Patches
from osler.runtime.watcher import Watcher

CLIP = Kind.CLIP
"""A name of this module is found faster than a member of an enumeration."""

State = tuple[Holder, str, list[Mark]]
"""An optimizer's gradients ahead of the clipping: what is in them, and which they are."""


def install(watcher: Watcher, patches: Patches) -> None:
    """Swap the code of the clipping functions."""
    watch = Clipping(watcher)
    for name in ("clip_grad_norm_", "clip_grad_value_"):
        patches.swap(getattr(clip_grad, name), lambda twin, name=name: watch.wrap(name, twin))


class Clipping:
    """Observes clipping. Whose gradients are clipped is seen from their versions, whatever was passed."""

    def __init__(self, watcher: Watcher) -> None:
        self.watcher = watcher
        self.gate = watcher.gate("gradient clipping")

    def wrap(self, name: str, twin: Callable[..., Any]) -> Callable[..., Any]:
        """What the swapped code calls."""
        thinning = self.watcher.thinning

        def observed(*args: Any, **kwargs: Any) -> Any:
            if is_compiling():
                return twin(*args, **kwargs)
            if thinning.on:
                thinning.note(CLIP)
                return twin(*args, **kwargs)
            before = self.gate.call(self.states)
            result = twin(*args, **kwargs)
            limit = args[1] if len(args) > 1 else kwargs.get("max_norm", kwargs.get("clip_value"))
            self.gate.call(self.clipped, name, before or [], (result, limit), sys._getframe(1))
            return result

        return observed

    def states(self) -> list[State]:
        """What is in the gradients of each optimizer now."""
        holders = [h for h in self.watcher.all_holders() if h is not self.watcher.by_hand.holder]
        return [(h, h.at_clip(), [mark(p.grad) for p in h.probes]) for h in holders]

    def clipped(
        self, name: str, before: list[State], outcome: tuple[object, object], frame: FrameType
    ) -> None:
        """Gradients were clipped."""
        watcher = self.watcher
        norm, limit = outcome
        traits = {self.state(before)} - {""}
        scaled = any(h.fresh and not h.unscaled for h in self.touched(before))
        if isinstance(limit, float) and math.isinf(limit):
            traits.add("measures")
        if watcher.scale_read:
            traits.add("scale-read")
        site = watcher.lines.site(frame)
        if watcher.scaler_seen and scaled:
            traits.add("scaled")
        watcher.ledger.emit(Kind.CLIP, name, site, frozenset(traits))
        for holder in watcher.all_holders():
            holder.rewritten_by_clipping()
        if isinstance(norm, Tensor) and isinstance(limit, float | int):
            moment = watcher.measuring.moment
            watcher.measuring.at(Kind.CLIP, site)
            moment.norm, moment.limit = norm, float(limit)
            watcher.measuring.take(Kind.CLIP)
            moment.norm = None

    def touched(self, before: list[State]) -> list[Holder]:
        """The states of the gradients that were clipped."""
        return [h for h, _, marks in before if [mark(p.grad) for p in h.probes] != marks]

    def state(self, before: list[State]) -> str:
        """What was in the gradients that were clipped; empty text if that is not known for certain."""
        touched = self.touched(before)
        states = {state for h, state, _ in before if h in touched}
        if states:
            return states.pop() if len(states) == 1 else "fresh"
        unknown = not before or self.watcher.by_hand.holder.parameters
        return "" if unknown or any(p.grad is not None for h, *_ in before for p in h.parameters) else "empty"
