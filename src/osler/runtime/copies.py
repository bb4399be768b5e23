"""Copies of small parameters: whether a hand has changed one through `.data` shows in its values alone."""

from __future__ import annotations

import torch
from torch import Tensor

from osler.runtime.registry import plain

COPYABLE = 4_096
"""Elements up to which a parameter is copied to see whether a hand changed it."""


def copied(parameters: list[Tensor]) -> Tensor | None:
    """A copy of the smallest of some parameters, to see later whether a hand changed it."""
    smallest = min(parameters, key=torch.Tensor.numel, default=None)
    if smallest is None or smallest.numel() > COPYABLE or not plain(smallest):
        return None
    return smallest.detach().clone()


def unchanged(parameters: list[Tensor], copy: Tensor) -> bool:
    """Whether the smallest of some parameters still equals its copy."""
    smallest = min(parameters, key=torch.Tensor.numel)
    return smallest.shape == copy.shape and bool(torch.equal(smallest.detach(), copy))
