"""The one piece of module-level state: who is watching this process."""

from __future__ import annotations

import os
from typing import Protocol


class Attached(Protocol):
    """What watches a process."""

    def detach(self) -> None:
        """Stop watching."""


_HOLDER: list[Attached] = []


def take(holder: Attached) -> bool:
    """Become the watcher of this process; false if there is one already."""
    if _HOLDER:
        return False
    _HOLDER.append(holder)
    return True


def free(holder: Attached) -> None:
    """Stop being the watcher."""
    if holder in _HOLDER:
        _HOLDER.remove(holder)


def leave_child() -> None:
    """In a forked child nothing is watched: it is not the training, or it would be reported twice."""
    for holder in tuple(_HOLDER):
        holder.detach()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=leave_child)
