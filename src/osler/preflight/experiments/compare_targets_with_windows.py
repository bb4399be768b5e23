"""Does a window over a series end with what is to be predicted from it?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from osler.model import counted
from osler.model.setupsamples import WindowFact
from osler.preflight.bench import Bench, main_output
from osler.preflight.outcome import Outcome, Steps
from osler.preflight.windows import Overlap, overlap, time_axis
from osler.replay.trees import mapped, tensors
from osler.replay.turn import ForwardCall

QUESTION = "does the input window end with its own target?"
COST = 0
FEWEST = 128
"""Samples below which agreement may be chance."""

MOST = 1 << 24
"""Numbers in the windows at hand that are compared."""

SMALL = 1e-4
"""Change, over the largest output, that rounding does not make."""

AMOUNTS = ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss")
"""Losses that compare with amounts."""

AS_HANDED = "no series of real numbers are used as they are handed out, with targets for each"
"""Why it cannot be asked where the program makes its inputs or targets itself, or has no series."""


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """Windows and targets as the loader hands them out and the program uses them.

    Attributes:
        given: what the model is called with: (samples, steps), (samples, steps, features), or the last two
            the other way round.
        target: what the loss compares with.
        axis: of the steps.
        inputs: place of the windows among the tensors of a batch.
        targets: place of the targets, likewise.
    """

    given: Tensor
    target: Tensor
    axis: int
    inputs: int
    targets: int


def reason(bench: Bench) -> str:
    """Why it cannot be asked."""
    if bench.forward is None:
        return "no model was called in the first turn"
    if bench.loss is None or bench.loss.function not in AMOUNTS:
        return "the first turn does not have one loss over amounts"
    if not bench.first.from_loader:
        return "no loader hands out the targets"
    return "" if series(bench, bench.forward) is not None else AS_HANDED


def series(bench: Bench, forward: ForwardCall) -> Series | None:
    """Windows and targets in a batch; None if they are not used as they are handed out."""
    assert bench.loss is not None
    target, handed = bench.loss.given.get("target"), tensors(bench.first.pool.entries[0].get(0))
    if not isinstance(target, Tensor) or not target.is_floating_point() or target.dim() > 3:
        return None
    targets = [n for n, t in enumerate(handed) if is_same(t, target) and len(t) == bench.samples]
    for given in tensors((forward.args, forward.kwargs)):
        inputs = [n for n, t in enumerate(handed) if is_same(t, given) and n not in targets]
        if not given.is_floating_point() or given.numel() <= target.numel() or len(given) != bench.samples:
            continue
        is_table = (
            given.dim() == 2 and target.numel() == bench.samples
        )  # `compare-labels-with-inputs` asks that
        axis = None if is_table else time_axis(given)
        if targets and inputs and axis is not None:
            return Series(given, target, axis, inputs[0], targets[0])
    return None


def is_same(handed: Tensor, used: Tensor) -> bool:
    """Whether a program uses what it was handed, perhaps in another shape or precision."""
    same_size = bool(handed.dim()) and handed.numel() == used.numel()
    return same_size and torch.equal(handed.to(used).flatten(), used.flatten())


def perform(bench: Bench) -> Steps:
    """Look for the targets among the last steps; then see whether the model heeds these."""
    yield from ()
    forward = bench.forward
    assert forward is not None
    found = series(bench, forward)
    assert found is not None
    pairs = list(handed_out(bench, found))
    count = sum(len(inputs) for inputs, _ in pairs)
    if count < FEWEST:
        return Outcome(skipped=f"{count} samples are at hand, it takes {FEWEST}")
    shared = overlap(torch.cat([x for x, _ in pairs]), torch.cat([y for _, y in pairs]))
    values = {"samples": count, "steps": shared.steps if shared is not None else 0}
    if shared is None:
        return Outcome(f"no, not in {count} samples", values)
    which = f"the last {counted(shared.steps, 'step')}" if shared.steps > 1 else "the last step"
    apart = heeded(bench, forward, found, shared)
    if apart is None:
        return Outcome(skipped="what the model says of the first target cannot be told from the rest")
    if apart <= SMALL:
        return Outcome(f"yes, with {which}, but the model does not heed it", values)
    length, ahead = found.given.shape[found.axis], found.target.numel() // len(found.target)
    name = type(forward.module).__name__
    fact = WindowFact(
        name, shared.steps, length, shared.feature, shared.exact, ahead, count, apart, forward.site
    )
    return Outcome(f"yes: {which} of {length}, in all of {count} samples", values, (fact,))


def handed_out(bench: Bench, found: Series) -> Iterator[tuple[Tensor, Tensor]]:
    """Windows (samples, steps, features) and targets of each batch, until there are enough numbers."""
    batches = [tensors(entry.get(0)) for entry in bench.first.pool.entries]
    shapes = [batches[0][n].shape[1:] for n in (found.inputs, found.targets)]
    numbers = 0
    for batch in batches:
        given, target = batch[found.inputs], batch[found.targets]
        numbers += given.numel()
        if numbers <= MOST and [given.shape[1:], target.shape[1:]] == shapes and len(given) == len(target):
            windows = given.reshape(len(given), *found.given.shape[1:])
            yield as_steps(windows, found.axis), target.reshape(len(given), *found.target.shape[1:])


def as_steps(windows: Tensor, axis: int) -> Tensor:
    """The same as (samples, steps, features)."""
    return windows[:, :, None] if windows.dim() == 2 else windows.movedim(axis, 1)


def heeded(bench: Bench, forward: ForwardCall, found: Series, shared: Overlap) -> float | None:
    """How much what is said of the first target changes when each sample is given these steps of the next.

    In a model that is given the targets before the one it predicts, only the later ones may change.
    """

    def exchanged(tensor: Tensor) -> Tensor:
        if tensor is not found.given:
            return tensor
        twin = tensor.clone()
        last = as_steps(twin, found.axis)[:, -shared.steps :]
        last.copy_(as_steps(tensor.roll(1, 0), found.axis)[:, -shared.steps :])
        return twin

    with bench.evaluating(forward):
        bench.observer.stills = True
        base, again = main_output(bench.call(forward)), main_output(bench.call(forward))
        args, kwargs = mapped(forward.args, exchanged), mapped(forward.kwargs, exchanged)
        after = main_output(bench.call(forward, args, kwargs))
    if base is None or again is None or after is None or not torch.equal(base, again):
        return None
    one_each = found.target.numel() == len(found.target)
    if base.numel() != found.target.numel() and not one_each:
        return None
    change = (after - base).reshape(len(found.target), -1).abs()
    return float((change if one_each else change[:, 0]).max()) / (float(base.abs().max()) or 1.0)
