"""Calls of the loss functions of `torch.nn.functional`, and what they were given."""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from types import FrameType, FunctionType
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.compiler import is_compiling

from osler.model import Kind, Site
from osler.runtime.loss_inputs import contract, suspicious, together
from osler.runtime.patches import Patches
from osler.runtime.registry import plain
from osler.runtime.watcher import Watcher

TESTED = ("cross_entropy", "nll_loss")
"""Functions whose first argument has a contract on its rows."""

CALLS = 4
"""Calls per site that are tested at first; later ones at every power of two. A test costs about 60 µs."""

ENOUGH_ROWS = 32
"""Rows below which testing goes on: an invariant over fewer may hold by chance."""

WITH_GRADIENT = frozenset({"grad"})
WITHOUT = frozenset({"no-grad"})

overridden: Callable[..., bool] = torch._C._has_torch_function_variadic
"""Whether a function mode, as of `torch.set_default_device`, or a tensor subclass handles the call."""


def install(watcher: Watcher, patches: Patches) -> None:
    """Swap the code of every Python function of ``torch.nn.functional`` that computes a loss."""
    watch = Losses(watcher)
    for name, function in list(vars(F).items()):
        is_loss = name.endswith("_loss") or name in (
            "cross_entropy",
            "kl_div",
            "binary_cross_entropy_with_logits",
        )
        is_loss = is_loss or name == "binary_cross_entropy"
        if is_loss and isinstance(function, FunctionType) and function.__module__ == F.__name__:
            patches.swap(function, lambda twin, name=name: watch.wrap(name, twin))


class Losses:
    """Observes loss calls; tests values on the first calls of a site."""

    def __init__(self, watcher: Watcher) -> None:
        self.watcher = watcher
        self.gate = watcher.gate("loss calls")
        self.calls: dict[tuple[str, Site], int] = {}

    def wrap(self, name: str, twin: Callable[..., Any]) -> Callable[..., Any]:
        """What the swapped code calls."""
        thinning, models = self.watcher.thinning, self.watcher.registry.models

        def observed(*args: Any, **kwargs: Any) -> Any:
            if is_compiling() or len(args) < 2 or overridden(*args):  # what overrides it calls it again
                return twin(*args, **kwargs)
            if thinning.on:
                thinning.note(Kind.LOSS)
                return twin(*args, **kwargs)
            self.gate.call(self.called, name, args[0], args[1], sys._getframe(1))
            loss = twin(*args, **kwargs)
            if not models:
                self.gate.call(self.computed, loss, sys._getframe(1))
            return loss

        return observed

    def called(self, name: str, scores: Any, targets: Any, frame: FrameType) -> None:
        """A loss function was called with these scores: (batch, classes, ...), and targets."""
        if torch._C._current_graph_task_id() != -1 or not isinstance(scores, Tensor):  # pyright: ignore
            return
        watcher = self.watcher
        watcher.arrived(frame)
        site = watcher.lines.site(frame)
        graph = torch.is_grad_enabled() and scores.requires_grad
        watcher.ledger.emit(Kind.LOSS, name, site, WITH_GRADIENT if graph else WITHOUT)
        if not graph:
            return
        watcher.measuring.at(Kind.LOSS, site)
        moment = watcher.measuring.moment
        moment.scores, moment.targets = scores, targets
        watcher.measuring.take(Kind.LOSS)
        moment.scores = moment.targets = None
        if name in TESTED and plain(scores):
            self.test(name, site, scores)

    def computed(self, loss: Any, frame: FrameType) -> None:
        """A loss was computed in a program without modules."""
        if isinstance(loss, Tensor) and loss.grad_fn is not None:
            self.watcher.follow_loss(loss, frame)

    def test(self, name: str, site: Site, scores: Tensor) -> None:
        """Test the contract, on the first calls and at powers of two."""
        key = (name, site)
        count = self.calls[key] = self.calls.get(key, 0) + 1
        known = self.watcher.run.losses.get(key)
        few = known is None or known.rows < ENOUGH_ROWS
        if count > CALLS and count & (count - 1) and not few and not self.watcher.look:
            return
        fact = contract(name, site, scores)
        if fact is None:
            return
        if suspicious(fact):
            if self.watcher.look is not None:
                made_by, made_at = self.watcher.look.origin(scores)
                fact = replace(fact, made_by=made_by, made_at=made_at)
            else:
                self.watcher.want_look()
        self.watcher.run.losses[key] = together(known, fact)
