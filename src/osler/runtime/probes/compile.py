"""`torch.compile`: what is compiled cannot be watched from inside, and is said so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from osler.runtime.patches import Patches
from osler.runtime.watcher import Watcher


def install(watcher: Watcher, patches: Patches) -> None:
    """Swap the code of ``torch.compile``, to know that compiled code is about."""

    def wrap(twin: Callable[..., Any]) -> Callable[..., Any]:
        def observed(*args: Any, **kwargs: Any) -> Any:
            watcher.compile_seen = True
            return twin(*args, **kwargs)

        return observed

    patches.swap(torch.compile, wrap)
