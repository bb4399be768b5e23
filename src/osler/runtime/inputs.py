"""When the loss is no number: does the batch that it was computed from hold NaN or infinite values?"""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Iterable, Iterator
from types import FrameType
from typing import Any

import torch
from torch import Tensor, nn

from osler.model import InputFact, Site
from osler.runtime.registry import plain, tensors_in
from osler.runtime.userlines import DEPTH, UserLines
from osler.runtime.variables import variables_of

SEEN = 64
"""Variables per function that are looked at."""

ENTERED = 8
"""Tensors that went into a model and are remembered, the newest."""


class Given:
    """What the script learns from at the moment: the latest batch, and what has gone into models since.

    Attributes:
        held: the latest batch while the watcher rests, kept alive up to the step that learns from it; making
            weak references takes longer. Otherwise nothing is kept alive.
    """

    def __init__(self) -> None:
        self.held: object = None
        self._batch: list[weakref.ref[Any]] = []
        self._entered: deque[weakref.ref[Any]] = deque(maxlen=ENTERED)

    def batch(self, batch: object) -> None:
        """A loader handed out a batch. Cost: 1 µs for a list of tensors."""
        self.held = None
        self._entered.clear()
        if type(batch) is list:
            try:
                self._batch = list(map(weakref.ref, batch))  # pyright: ignore[reportUnknownArgumentType]
            except TypeError:  # not only tensors
                pass
            else:
                return
        self._batch = [weakref.ref(tensor) for tensor in tensors_in(batch)]

    def forward(self, args: object, kwargs: object) -> None:
        """A model was called with gradients."""
        self._entered.extend(weakref.ref(tensor) for tensor in tensors_in([args, kwargs]))

    def entered(self) -> Iterator[Tensor]:
        """What has gone into models of late, the newest of it, as far as it still exists."""
        return alive(self._entered)

    def broken(self) -> list[Tensor]:
        """What holds NaN or infinite values: of what went into the model, else of the rest of the batch.

        What was filled before it went in has the shape of what was handed out.
        """
        if self.held is not None:
            return [tensor for tensor in tensors_in(self.held) if is_broken(tensor)]
        entered = list(alive(self._entered))
        shapes = {tensor.shape for tensor in entered}
        rest = (tensor for tensor in alive(self._batch) if tensor.shape not in shapes)
        return [t for t in entered if is_broken(t)] or [t for t in rest if is_broken(t)]


def alive(tensors: Iterable[weakref.ref[Any]]) -> Iterator[Tensor]:
    """Those that still exist."""
    return (tensor for known in tensors if isinstance(tensor := known(), Tensor))


def is_data(tensor: Tensor) -> bool:
    """Whether a tensor may have come out of a dataset."""
    data = plain(tensor) and not tensor.requires_grad and not isinstance(tensor, nn.Parameter)
    return data and tensor.is_floating_point() and tensor.dim() > 0


def is_broken(tensor: Tensor) -> bool:
    """Whether a tensor of data holds values which are not finite, and these are no mask."""
    return is_data(tensor) and not bool(tensor.isfinite().all()) and not is_mask(tensor)


def is_mask(tensor: Tensor) -> bool:
    """Whether it says what attention leaves out: nothing but 0 and -inf, or -inf all above the diagonal."""
    out = tensor.isneginf()
    if bool(((tensor == 0) | out).all()):
        return True
    above = torch.ones_like(out).triu(1) if tensor.dim() > 1 else None
    return above is not None and torch.equal(out, above) and torch.equal(~tensor.isfinite(), out)


def suspects(frame: FrameType | None, lines: UserLines) -> Iterator[tuple[str, Tensor]]:
    """Variables with numbers that nothing computed a gradient for, innermost function first."""
    frame = lines.frame(frame)
    for _ in range(DEPTH):
        if frame is None:
            return
        for name, value in list(variables_of(frame).items())[:SEEN]:
            if name.startswith("__") or isinstance(value, nn.Module):
                continue
            yield from ((name, tensor) for tensor in tensors_in(value) if is_data(tensor))
        frame = lines.frame(frame.f_back)


def not_finite_input(
    frame: FrameType | None, lines: UserLines, given: Given, site: Site, step: int
) -> InputFact | None:
    """The first variable around a backward that holds what is broken in the batch, or its dataset."""
    broken = given.broken()
    for name, tensor in suspects(frame, lines) if broken else ():
        if any(is_alike(tensor, other) for other in broken) and is_broken(tensor):
            return described(name, tensor, site, step)
    return None


def is_alike(tensor: Tensor, other: Tensor) -> bool:
    """Whether both hold samples of one shape; of single numbers there must be as many."""
    return tensor.shape == other.shape or (tensor.dim() > 1 and tensor.shape[1:] == other.shape[1:])


def described(name: str, tensor: Tensor, site: Site, step: int) -> InputFact:
    """How much of a variable is not finite."""
    wrong = ~torch.isfinite(tensor)
    rows = wrong.flatten(1).any(1) if tensor.dim() > 1 else wrong
    return InputFact(
        name=name,
        site=site,
        step=step,
        shape=tuple(tensor.shape),
        wrong=int(wrong.sum()),
        nans=int(torch.isnan(tensor).sum()),
        samples=int(rows.sum()),
        first=int(rows.nonzero()[0]),
    )
