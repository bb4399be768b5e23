"""When the loss is no number: does the batch that it was computed from hold NaN or infinite values?"""

from __future__ import annotations

from collections.abc import Iterator
from types import FrameType

import torch
from torch import Tensor, nn

from osler.model import InputFact, Site
from osler.runtime.registry import plain, tensors_in
from osler.runtime.userlines import DEPTH, UserLines

SEEN = 64
"""Variables per function that are looked at."""


def suspects(frame: FrameType | None, lines: UserLines) -> Iterator[tuple[str, Tensor]]:
    """Variables with numbers that nothing computed a gradient for, innermost function first."""
    frame = lines.frame(frame)
    for _ in range(DEPTH):
        if frame is None:
            return
        for name, value in list(frame.f_locals.items())[:SEEN]:
            if name.startswith("__") or isinstance(value, nn.Module):
                continue
            yield from ((name, tensor) for tensor in tensors_in(value) if is_data(tensor))
        frame = lines.frame(frame.f_back)


def is_data(tensor: Tensor) -> bool:
    """Whether a tensor may have come out of a dataset."""
    data = plain(tensor) and not tensor.requires_grad and not isinstance(tensor, nn.Parameter)
    return data and tensor.is_floating_point() and tensor.dim() > 0


def not_finite_input(frame: FrameType | None, lines: UserLines, site: Site, step: int) -> InputFact | None:
    """The first variable around a backward that holds values which are not finite."""
    for name, tensor in suspects(frame, lines):
        wrong = ~torch.isfinite(tensor)
        count = int(wrong.sum())
        if not count:
            continue
        rows = wrong.flatten(1).any(1) if tensor.dim() > 1 else wrong
        return InputFact(
            name=name,
            site=site,
            step=step,
            shape=tuple(tensor.shape),
            wrong=count,
            nans=int(torch.isnan(tensor).sum()),
            samples=int(rows.sum()),
            first=int(rows.nonzero()[0]),
        )
    return None
