"""`torch.manual_seed`: what torch draws from then on is decided."""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import torch.random

from osler.runtime.patches import Patches
from osler.runtime.watcher import Watcher


def install(watcher: Watcher, patches: Patches) -> None:
    """Swap the code of ``torch.manual_seed``, so that names taken from torch earlier are seen too."""
    gate = watcher.gate("seeds")

    def wrap(twin: Callable[..., Any]) -> Callable[..., Any]:
        def manual_seed(seed: Any) -> Any:
            result = twin(seed)
            gate.call(seeded, seed, sys._getframe(1))
            return result

        return manual_seed

    def seeded(seed: object, frame: Any) -> None:
        watcher.redrawing.seeded(seed, watcher.lines.site(frame))

    patches.swap(torch.random.manual_seed, wrap)
