"""What an experiment works with: the first turn, its batches, and the handles of training."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.dropout import _DropoutNd  # pyright: ignore[reportPrivateUsage]
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from osler.preflight.rates import highest_rate
from osler.replay.first import First
from osler.replay.observer import Observer
from osler.replay.trees import cloned, mapped, size, tensors
from osler.replay.turn import ForwardCall, LossCall, Root, Seen, Turn
from osler.runtime.guard import Guard

LONGEST_WINDOW = 64
"""Turns that an accumulation window is given to end."""

SAME = "the model cannot be called with its first batch once more"
CHANGED = "the model does not take its inputs when they are exchanged"
"""Why nothing can be said where the model raises."""


class CannotAsk(Exception):
    """An experiment turns out not to be possible with this program; says why."""


@dataclass(slots=True, eq=False)
class Bench:
    """The first turn of a script's training, ready to be repeated and varied.

    Attributes:
        first: the turn, its batches, and the state before it.
        observer: what sees the turns.
        until: moment by which the experiments should be over; counted by `perf_counter`.
        exact: repeating a turn gives the same numbers, bit for bit; None before that was measured.
        steerable: why the loop cannot be given batches, empty if it can.
        turn_seconds: how long a turn takes.
        pretrained: weights were loaded before the first turn.
        accumulates: some turns make no optimizer step.
    """

    first: First
    observer: Observer
    until: float = float("inf")
    exact: bool | None = None
    steerable: str = ""
    turn_seconds: float = 0.0
    pretrained: bool = False
    accumulates: bool = False
    _rates: list[list[float]] = field(default_factory=list[list[float]])

    @property
    def seen(self) -> Seen:
        """What the script did in its first turn."""
        return self.first.seen

    @property
    def seconds_left(self) -> float:
        """What is left of the budget."""
        return self.until - perf_counter()

    @property
    def turns_left(self) -> float:
        """Turns that the loop will still make, as far as is known."""
        return self.first.turns_left()

    @property
    def forward(self) -> ForwardCall | None:
        """The forward of the model that is trained: the one with the most parameters behind the loss."""
        reached = {id(leaf) for root in self.seen.roots for leaf in root.leaves}

        def weight(call: ForwardCall) -> int:
            return sum(p.numel() for p in call.module.parameters() if id(p) in reached)

        return max(self.seen.forwards, key=weight, default=None)

    @property
    def root(self) -> Root | None:
        """The first backward call."""
        return next(iter(self.seen.roots), None)

    @property
    def loss(self) -> LossCall | None:
        """The call of a loss function, if there was exactly one."""
        return self.seen.losses[0] if len(self.seen.losses) == 1 else None

    @property
    def models(self) -> list[nn.Module]:
        """Root modules that were called, each once."""
        return list({id(c.module): c.module for c in self.seen.forwards}.values())

    @property
    def first_calls(self) -> list[ForwardCall]:
        """The first call of each root module."""
        calls = {id(call.module): call for call in reversed(self.seen.forwards)}
        return [call for call in self.seen.forwards if calls[id(call.module)] is call]

    @property
    def optimizers(self) -> list[Optimizer]:
        """Optimizers of the process that hold a parameter behind a loss, wrappers of others last."""
        reached = {id(leaf) for root in self.seen.roots for leaf in root.leaves}
        every = [t for t in self.first.snapshot.things if isinstance(t, Optimizer)]
        held = ((o, {id(p) for g in o.param_groups for p in g["params"]}) for o in every)
        found = [o for o, parameters in held if parameters & reached]
        return sorted(found, key=lambda o: o not in self.observer.built)

    @property
    def teams(self) -> int:
        """Optimizers that share no parameter: a wrapper and what it wraps count as one."""
        held = [{id(p) for g in o.param_groups for p in g["params"]} for o in self.optimizers]
        return sum(not any(one & other for other in held[:at]) for at, one in enumerate(held))

    @property
    def samples(self) -> int:
        """Samples in the first batch, 0 if unknown."""
        if self.first.pool.entries:
            return size(self.first.pool.entries[0].get(0))
        return size(self.forward.args) if self.forward is not None else 0

    @property
    def schedules(self) -> list[LRScheduler]:
        """Schedules of learning rates."""
        return [t for t in self.first.snapshot.things if isinstance(t, LRScheduler)]

    def restore(self) -> None:
        """Put everything back to the state before the first turn."""
        self.observer.stills = False
        self.first.snapshot.restore()
        for schedule in self.schedules:
            vars(schedule).pop("step", None)

    def begin(self) -> Generator[Turn, Seen, None]:
        """Restore, at a turn where an accumulation window begins if the loop has such."""
        for _ in range(LONGEST_WINDOW if self.accumulates and not self.steerable else 0):
            seen = yield Turn(0)
            if seen.steps:
                break
        self.restore()

    def calm(self) -> None:
        """Switch off what hinders memorising: dropout, weight decay, and schedules of the learning rate."""
        self.observer.stills = True
        for layer in (layer for model in self.models for layer in model.modules()):
            if isinstance(layer, _DropoutNd):
                layer.p = 0.0
            elif isinstance(layer, nn.RNNBase | nn.MultiheadAttention):
                layer.dropout = 0.0
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                if "weight_decay" in group:
                    group["weight_decay"] = 0.0
        for schedule in self.schedules:
            vars(schedule)["step"] = stand_still

    def set_rate(self, factor: float) -> None:
        """Set every learning rate to a multiple of the highest that the script is known to use."""
        self._rates = []
        for optimizer in self.optimizers:
            for number, group in enumerate(optimizer.param_groups):
                rate = highest_rate(optimizer, number, self.schedules) * factor
                group["lr"] = group["lr"].new_tensor(rate) if isinstance(group["lr"], Tensor) else rate
            self._rates.append([float(g["lr"]) for g in optimizer.param_groups])

    def rate_is_kept(self) -> bool:
        """Whether the loop has left the learning rates as they were set."""
        return self._rates == [[float(g["lr"]) for g in o.param_groups] for o in self.optimizers]

    def call(self, forward: ForwardCall, args: Any = None, kwargs: Any = None) -> Any:
        """Call the model again, without a graph; what it returns is cut loose.

        Args:
            forward: the call to be repeated.
            args: other arguments; those of that call if not given.
            kwargs: other named arguments, likewise.

        Raises:
            CannotAsk: the model raised.
        """
        gate = Guard(stand_still).gate("a call of the model")
        output = gate.call(self.attempt, forward, args, kwargs)
        if not gate.open:
            raise CannotAsk(SAME if args is None and kwargs is None else CHANGED)
        return output

    def attempt(self, forward: ForwardCall, args: Any = None, kwargs: Any = None) -> Any:
        """The same for a call that the model may refuse: what it raises passes."""
        device = next((t.device.type for t in tensors(forward.output)), "cpu")
        mixed = forward.autocast is not None
        precision = torch.autocast(device, forward.autocast) if mixed else nullcontext()
        with torch.no_grad(), precision:
            given = cloned(forward.args if args is None else args)
            output = forward.module(*given, **cloned(forward.kwargs if kwargs is None else kwargs))
        return mapped(output, lambda t: t.detach().clone())

    @contextmanager
    def evaluating(self, forward: ForwardCall) -> Generator[None]:
        """Put a model into evaluation mode; afterwards its layers are in the modes they were in."""
        modes = [(layer, layer.training) for layer in forward.module.modules()]
        forward.module.eval()
        try:
            yield
        finally:
            for layer, training in modes:
                layer.training = training


def stand_still(*_args: Any, **_kwargs: Any) -> None:
    """What a schedule does while experiments are made, and whom a failed call is told: nothing, nobody."""


def main_output(output: Any) -> Tensor | None:
    """The first tensor of real numbers in an output; a single number, as a loss is, if there is no other."""
    numbers = [t for t in tensors(output) if t.is_floating_point()]
    return next((t for t in numbers if t.dim()), numbers[0] if numbers else None)


def difference(one: Any, other: Any) -> float:
    """The largest difference between two outputs, over the largest value of the first; 1 if shapes differ."""
    pairs = list(zip(tensors(one), tensors(other), strict=False))
    worst = 0.0
    for a, b in pairs:
        if a.shape != b.shape:
            return 1.0
        if a.numel() and (a.is_floating_point() or a.is_complex()):
            scale = float(a.abs().max()) or 1.0
            worst = max(worst, float((a - b).abs().max()) / scale)
    return worst


Reason = Callable[[Bench], str]
"""Says why an experiment cannot be made; empty text if it can."""
