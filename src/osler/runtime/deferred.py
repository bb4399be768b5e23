"""Read losses that live on an accelerator in bundles, so that no step waits for the device."""

from __future__ import annotations

import torch
from torch import Tensor

from osler.model import Site
from osler.runtime.many import series
from osler.runtime.registry import plain
from osler.runtime.watcher import Watcher

BUNDLE = 64
"""Losses per transfer: one wait for the device in 64 backward calls."""


class Deferred:
    """Losses that were noted but not read yet."""

    def __init__(self, watcher: Watcher) -> None:
        self.watcher = watcher
        self.waiting: list[tuple[Tensor, str, int, int, Site]] = []
        watcher.at_finish.append(self.read)

    def put(self, root: Tensor, site: Site) -> None:
        """Note a loss: a copy on the device, the step and the line. A loss without a value is left out."""
        if not plain(root):
            return
        run = self.watcher.run
        copy = root.detach().reshape(()).to(torch.float32, copy=True)
        name = series("loss", self.watcher.measuring.subject)
        self.waiting.append((copy, name, run.steps, run.backwards, site))
        if len(self.waiting) >= BUNDLE:
            self.read()

    def read(self) -> None:
        """Transfer all waiting losses at once."""
        waiting, self.waiting = self.waiting, []
        if not waiting:
            return
        values: list[float] = torch.stack([copy for copy, *_ in waiting]).cpu().tolist()
        for value, (_, name, step, backward, site) in zip(values, waiting, strict=True):
            if value - value != 0:
                self.watcher.not_finite(value, site, step, backward)
            self.watcher.measuring.add(name, value, step)
