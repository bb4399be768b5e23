"""Values of one measure for many subjects at once, perhaps still on an accelerator."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from osler.runtime.registry import plain

BUNDLE = 32
"""Transfers that are put together: each one waits for the device."""

MOST = 512
"""Subjects of one measure: enough for a network of a few hundred layers."""


@dataclass(frozen=True, slots=True, eq=False)
class Many:
    """Values by subject.

    Attributes:
        subjects: names; the empty one stands for the whole.
        values: (subjects,) one number each.
    """

    subjects: tuple[str, ...]
    values: Tensor


class Later:
    """Values on an accelerator, read in bundles so that no step waits for the device.

    Args:
        add: takes a key, a value and the step it belongs to.
    """

    def __init__(self, add: Callable[[str, float, int], None]) -> None:
        self._add = add
        self._waiting: list[tuple[str, Many, int]] = []

    def put(self, name: str, many: Many, step: int) -> None:
        """Take the values of one measure at one step."""
        self._waiting.append((name, many, step))
        if many.values.is_cpu or len(self._waiting) >= BUNDLE:
            self.read()

    def read(self) -> None:
        """Transfer everything that waits."""
        waiting, self._waiting = self._waiting, []
        for device in {m.values.device for _, m, _ in waiting}:
            here = [entry for entry in waiting if entry[1].values.device == device]
            numbers = iter(torch.cat([m.values for _, m, _ in here]).tolist())
            for name, many, step in here:
                for subject in many.subjects:
                    self._add(series(name, subject), next(numbers), step)


def series(measure: str, subject: str) -> str:
    """The key of a column."""
    return f"{measure}:{subject}" if subject else measure


def norms(named: Iterable[tuple[str, Tensor | None]]) -> Many | None:
    """Euclidean norms of dense tensors by name, and of all of them together; None if there are none."""
    numbered = ((n or f"[{i}]", t) for i, (n, t) in enumerate(named))
    found = [(n, t) for n, t in numbered if t is not None and plain(t) and t.layout is torch.strided]
    found = [(n, t.detach()) for n, t in found if t.is_floating_point() and t.device == found[0][1].device]
    if not found:
        return None
    tensors = [t for _, t in found]
    each = torch.stack(torch._foreach_norm(tensors, 2, precision(tensors)))  # pyright: ignore
    whole = torch.linalg.vector_norm(each)
    names = tuple(n for n, _ in found[:MOST])
    return Many(("", *names), torch.cat([whole[None], each[:MOST]]))


def precision(tensors: Iterable[Tensor]) -> torch.dtype:
    """In which norms are added up."""
    return torch.float64 if any(t.dtype == torch.float64 for t in tensors) else torch.float32
