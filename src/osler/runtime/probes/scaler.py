"""`GradScaler`: unscaling and guarded steps."""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from torch.amp.grad_scaler import GradScaler

from osler.model import Kind
from osler.runtime.patches import Patches
from osler.runtime.watcher import Watcher


def install(watcher: Watcher, patches: Patches) -> None:
    """Rebind ``unscale_`` and ``step``; a disabled scaler passes everything through and is not mentioned."""
    gate = watcher.gate("the gradient scaler")

    def wrap(kind: Kind, original: Callable[..., Any]) -> Callable[..., Any]:
        def observed(self: GradScaler, optimizer: Any, *args: Any, **kwargs: Any) -> Any:
            if self.is_enabled():
                gate.call(emit, kind, optimizer, sys._getframe(1))
            return original(self, optimizer, *args, **kwargs)

        return observed

    def emit(kind: Kind, optimizer: Any, frame: Any) -> None:
        if watcher.thinning.on:
            watcher.thinning.kinds.append(kind)
            return
        watcher.scaler_seen = True
        watcher.ledger.emit(kind, watcher.registry.optimizer(optimizer), watcher.lines.site(frame))
        watcher.holder(optimizer).rewritten_by_clipping()

    patches.rebind(GradScaler, "unscale_", lambda original: wrap(Kind.UNSCALE, original))
    patches.rebind(GradScaler, "step", lambda original: wrap(Kind.SCALER_STEP, original))
