"""Inputs and states of recurrent cells: a single step? And is a state an earlier one without its graph?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from osler.runtime.registry import plain


def is_one_step(cell: nn.Module, given: Any) -> bool:
    """Whether a layer is given a single step: one that is given a sequence has a state of its own inside."""
    if not isinstance(cell, nn.RNNBase):
        return True
    if isinstance(given, PackedSequence):
        return len(given.batch_sizes) == 1
    axis = 1 if cell.batch_first and isinstance(given, Tensor) and given.dim() > 2 else 0
    return isinstance(given, Tensor) and given.dim() > 1 and given.shape[axis] == 1


def place_of(tensor: Tensor) -> tuple[object, ...]:
    """Which part of the memory: a cell that is given the same once more refines what it has put out."""
    return tensor.data_ptr(), tensor.shape, tensor.stride()


def is_detached(state: list[Tensor], earlier: Iterable[list[Tensor]]) -> bool:
    """Whether a state is one of the earlier ones without its graph."""
    if not state or any(part.requires_grad or not plain(part) for part in state):
        return False
    return any(
        len(state) == len(other) and all(same(a, b) for a, b in zip(state, other, strict=True))
        for other in earlier
    )


def same(given: Tensor, kept: Tensor) -> bool:
    """Whether two tensors lie in one memory, or hold the same numbers; noughts are what states begin with."""
    if given.numel() != kept.numel() or not given.numel():
        return False
    if given.data_ptr() == kept.data_ptr():
        return True
    if (given.dtype, given.device) != (kept.dtype, kept.device):
        return False
    return torch.equal(given.reshape(-1), kept.reshape(-1)) and bool(kept.any())


def tensors(value: Any) -> list[Tensor]:
    """A state, or both parts of one, or an output with its state."""
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, PackedSequence):
        return [value.data]
    return [t for part in value for t in tensors(part)] if isinstance(value, tuple | list) else []
