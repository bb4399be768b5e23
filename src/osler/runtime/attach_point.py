"""The one piece of module-level state: who is watching this process."""

from __future__ import annotations

_HOLDER: list[object] = []


def take(holder: object) -> bool:
    """Become the watcher of this process; false if there is one already."""
    if _HOLDER:
        return False
    _HOLDER.append(holder)
    return True


def free(holder: object) -> None:
    """Stop being the watcher."""
    if holder in _HOLDER:
        _HOLDER.remove(holder)


