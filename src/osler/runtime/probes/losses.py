"""Calls of the loss functions of `torch.nn.functional`, and what they were given."""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import CodeType, FrameType, FunctionType
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.compiler import is_compiling

from osler.model import LAYERS, IndexFact, Kind, LossCallFact, ReachFact, Site
from osler.runtime.batch_means import BatchMeans
from osler.runtime.label_order import LabelOrder
from osler.runtime.loss_calls import broadcast, described, joined, labels_outside
from osler.runtime.loss_inputs import contract, suspicious, together
from osler.runtime.loss_targets import label_rows, labels_together, reach, reaches_together
from osler.runtime.patches import Patches
from osler.runtime.registry import plain
from osler.runtime.watcher import Watcher

Names = tuple[str, ...]
"""Names of the parameters of a function, in order."""

UNSUITED = {
    "binary_cross_entropy_with_logits": ("sigmoid", "softmax", "relu"),
    "binary_cross_entropy": ("relu", "tanh", *LAYERS),
    "kl_div": ("softmax", "sigmoid", "relu", *LAYERS),
    "cross_entropy": ("relu",),
}
"""Operations whose results a loss should not receive: then it is worth finding their line."""

TESTED = ("cross_entropy", "nll_loss")
"""Functions whose first argument has a contract on its rows."""

CALLS = 4
"""Calls per site that are tested at first; later ones at every power of two. A test costs about 60 µs."""

ENOUGH_ROWS = 32
"""Rows below which testing goes on: an invariant over fewer may hold by chance."""

FAR_ENOUGH = 0.05
"""Share of targets far outside what an output can reach from which on its line is worth finding."""

LOSS = Kind.LOSS
"""A name of this module is found faster than a member of an enumeration."""

WITH_GRADIENT = frozenset({"grad"})
WITHOUT = frozenset({"no-grad"})

DISTRIBUTIONS = str(Path(torch.__file__).parent / "distributions")
"""Where log-probabilities and entropies are computed with functions for losses: no losses of the script."""

overridden: Callable[..., bool] = torch._C._has_torch_function_variadic
"""Whether a function mode, as of `torch.set_default_device`, or a tensor subclass handles the call."""


def of_a_distribution(called: FrameType) -> bool:
    """Whether the frame of a loss function was called by `torch.distributions`."""
    caller = called.f_back
    return caller is not None and caller.f_code.co_filename.startswith(DISTRIBUTIONS)


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
        self.arguments = watcher.gate("arguments of losses")
        self.looked: dict[tuple[str, Site], int] = {}
        self.asked: set[tuple[str, Site]] = set()
        self.means, self.gate_means = BatchMeans(watcher.run, watcher.lines), watcher.gate("means of batches")
        self.gate_means.reads = False  # no reason to look up from a rest
        watcher.at_finish.append(lambda: self.gate_means.within(self.means.over, None))
        self.orders: dict[tuple[str, Site], LabelOrder] = {}

    def wrap(self, name: str, twin: Callable[..., Any]) -> Callable[..., Any]:
        """What the swapped code calls."""
        thinning, models = self.watcher.thinning, self.watcher.registry.models
        code: CodeType = twin.__code__  # pyright: ignore[reportFunctionMemberAccess]
        names = code.co_varnames[: code.co_argcount]

        def observed(*args: Any, **kwargs: Any) -> Any:
            if is_compiling() or len(args) < 2 or overridden(*args) or of_a_distribution(sys._getframe(1)):
                return twin(*args, **kwargs)  # what overrides it calls it again
            if thinning.on:
                thinning.note(LOSS)
            else:
                self.gate.call(self.called, name, args[0], args[1], sys._getframe(1))
                self.arguments.call(self.look_at, name, names, args, sys._getframe(1))
            try:
                loss = twin(*args, **kwargs)
            except (IndexError, RuntimeError):
                self.arguments.call(self.refused, name, names, args, sys._getframe(1))
                raise
            if self.means.left and not torch.is_grad_enabled():  # at rest as well: a mean needs every batch
                given = dict(zip(names, args, strict=False))
                self.gate_means.call(self.means.add, loss, given, sys._getframe(1))
            if thinning.on:
                return loss
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
        watcher.samples.loss(targets)
        if self.means.pending:
            self.gate_means.within(self.means.over, frame)
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

    def look_at(self, name: str, names: Names, args: tuple[Any, ...], frame: FrameType) -> None:
        """Note the arguments of a call with a gradient, on the first calls and at powers of two."""
        given = dict(zip(names, args, strict=False))
        scores, target = given.get("input"), given.get("target")
        if not torch.is_grad_enabled() or not isinstance(scores, Tensor) or not isinstance(target, Tensor):
            return
        if not (scores.requires_grad or target.requires_grad) or torch._C._current_graph_task_id() != -1:  # pyright: ignore
            return
        watcher = self.watcher
        run, site = watcher.run, watcher.lines.site(frame)
        key = (name, site)
        spread = broadcast(name, site, given, run.steps)
        if spread is not None:
            run.broadcasts.setdefault(key, spread)
        count = self.looked[key] = self.looked.get(key, 0) + 1
        if count > CALLS and count & (count - 1) and not watcher.look:
            return
        fact = described(name, site, given, run.steps)
        if fact is not None:
            order = self.orders.setdefault(key, LabelOrder(run.passes))
            order.add(target, run.passes)
            fact = replace(fact, labels_in_order=order.labels, order_chance=order.chance)
            run.loss_calls[key] = joined(run.loss_calls.get(key), self.traced(fact, scores))
        self.note_labels(labels_outside(name, site, given, run.steps))
        self.note_targets(name, site, given)

    def note_targets(self, name: str, site: Site, given: dict[str, Any]) -> None:
        """What the targets hold for each class, and whether the other argument can reach them."""
        run, key = self.watcher.run, (name, site)
        rows = label_rows(name, site, given, run.steps, self.watcher.given.entered())
        if rows is not None and (rows.rows or rows.classes == 1 or key in run.label_rows):
            run.label_rows[key] = labels_together(run.label_rows.get(key), rows)
        limits = reach(name, site, given, run.steps)
        if limits is not None:
            run.reaches[key] = reaches_together(run.reaches.get(key), self.limited(limits, given))

    def limited(self, fact: ReachFact, given: dict[str, Any]) -> ReachFact:
        """With the line of the operation that limits the output, asked for where targets lie far outside."""
        if not fact.made_by or fact.far < FAR_ENOUGH * fact.targets:
            return fact
        look = self.watcher.look
        if look is None:
            self.ask(fact.function, fact.site)
            return fact
        origins = (look.origin(given[name]) for name in ("input", "target"))
        return replace(fact, made_at=next((at for made_by, at in origins if made_by == fact.made_by), ()))

    def ask(self, function: str, site: Site) -> None:
        """Ask once for a close look at a call."""
        if (function, site) not in self.asked:
            self.asked.add((function, site))
            self.watcher.want_look()

    def traced(self, fact: LossCallFact, scores: Tensor) -> LossCallFact:
        """With the line that made the first argument, asked for where that should not feed this loss."""
        if fact.made_by not in UNSUITED.get(fact.function, ()):
            return fact
        if self.watcher.look is None:
            self.ask(fact.function, fact.site)
            return fact
        _, made_at = self.watcher.look.origin(scores)
        return replace(fact, made_at=made_at)

    def refused(self, name: str, names: Names, args: tuple[Any, ...], frame: FrameType) -> None:
        """Torch refuses the call: are the labels the reason?"""
        given = dict(zip(names, args, strict=False))
        step, site = self.watcher.run.steps, self.watcher.lines.site(frame)
        fact = labels_outside(name, site, given, step)
        if fact is not None:
            self.watcher.run.indices.pop((name, site), None)
            self.note_labels(replace(fact, raised=True))

    def note_labels(self, fact: IndexFact | None) -> None:
        """Remember the first labels at a line that lie outside the classes."""
        if fact is not None:
            self.watcher.run.indices.setdefault((fact.function, fact.site), fact)

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
