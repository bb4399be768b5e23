"""Batches and arguments: tensors in whatever the user has put them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import is_dataclass
from typing import Any, cast

from torch import Tensor

DEEPEST = 6
"""Levels of nesting that are followed."""


def mapped(value: Any, change: Callable[[Tensor], Any], depth: int = DEEPEST) -> Any:  # noqa: PLR0911
    """The same structure with every tensor changed; what is no container of a known kind stays itself.

    Args:
        value: a tensor, or tuples, lists, mappings, dataclasses and cloneable objects around some.
        change: called with each tensor.
        depth: levels still to follow.
    """
    if isinstance(value, Tensor):
        return change(value)
    if not depth:
        return value
    if isinstance(value, tuple):
        items = [mapped(v, change, depth - 1) for v in cast("tuple[Any, ...]", value)]
        return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
    if isinstance(value, list):
        return [mapped(v, change, depth - 1) for v in cast("list[Any]", value)]
    if isinstance(value, dict | MutableMapping):
        twin = copy.copy(cast("MutableMapping[Any, Any]", value))
        for key, item in list(twin.items()):
            twin[key] = mapped(item, change, depth - 1)
        return twin
    return object_mapped(value, change, depth)


def object_mapped(value: Any, change: Callable[[Tensor], Any], depth: int) -> Any:
    """The same for an object with attributes: a dataclass, or a graph that can clone itself."""
    is_data = is_dataclass(value) and not isinstance(value, type)
    if not hasattr(value, "__dict__") or not (is_data or callable(getattr(value, "clone", None))):
        return value
    twin = copy.copy(value)
    for name, item in list(vars(twin).items()):
        object.__setattr__(twin, name, mapped(item, change, depth - 1))
    return twin


def cloned(value: Any) -> Any:
    """A copy that shares no tensor: the loop may change its batch in place."""
    return mapped(value, lambda t: t.detach().clone().requires_grad_(t.requires_grad and t.is_leaf))


def tensors(value: Any) -> list[Tensor]:
    """All tensors in it, in order."""
    found: list[Tensor] = []
    mapped(value, lambda t: found.append(t) or t)
    return found


def size(value: Any) -> int:
    """Samples in a batch: the length of its first tensor with an axis, 0 if there is none."""
    return next((len(t) for t in tensors(value) if t.dim()), 0)


def is_mapping(value: Any) -> bool:
    """Whether it is read by keys."""
    return isinstance(value, Mapping)
