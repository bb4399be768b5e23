"""The number that backward starts from."""

from __future__ import annotations

from osler.model import Kind, Measure
from osler.runtime.measures import Moment
from osler.runtime.registry import plain

WHEN = Kind.BACKWARD
measure = Measure(__name__, unit="", title="the value backward() starts from")


def take(moment: Moment) -> float | None:
    """The root's value if it is one number on the CPU; on an accelerator it is read later, in bundles."""
    root = moment.root
    if root is None or not root.is_cpu or root.numel() != 1 or not plain(root):
        return None
    return root.item()
