"""`GradScaler`: unscaling and guarded steps."""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from torch.amp.grad_scaler import GradScaler
from torch.compiler import is_compiling

from osler.model import Kind
from osler.runtime.patches import Patches
from osler.runtime.watcher import Watcher


def install(watcher: Watcher, patches: Patches) -> None:
    """Rebind ``scale``, ``unscale_`` and ``step``; a disabled scaler passes through and is not mentioned."""
    gate = watcher.gate("the gradient scaler")

    def wrap(kind: Kind, original: Callable[..., Any]) -> Callable[..., Any]:
        def observed(self: GradScaler, optimizer: Any, *args: Any, **kwargs: Any) -> Any:
            if self.is_enabled():
                if watcher.thinning.on:
                    watcher.thinning.note(kind)
                else:
                    gate.call(emit, kind, optimizer, sys._getframe(1))
            return original(self, optimizer, *args, **kwargs)

        return observed

    def emit(kind: Kind, optimizer: Any, frame: Any) -> None:
        watcher.ledger.emit(kind, watcher.registry.optimizer(optimizer), watcher.lines.site(frame))
        holder = watcher.holder(optimizer)
        holder.rewritten_by_clipping()
        holder.unscaled = holder.unscaled or kind is Kind.UNSCALE

    patches.rebind(GradScaler, "scale", lambda original: noticed(watcher, original))
    patches.rebind(GradScaler, "get_scale", lambda original: read(watcher, original))
    patches.rebind(GradScaler, "unscale_", lambda original: wrap(Kind.UNSCALE, original))
    patches.rebind(GradScaler, "step", lambda original: wrap(Kind.SCALER_STEP, original))


def noticed(watcher: Watcher, original: Callable[..., Any]) -> Callable[..., Any]:
    """A ``scale`` that says that losses may overflow from now on: the first scaled one already."""

    def scale(self: GradScaler, *args: Any, **kwargs: Any) -> Any:
        if not is_compiling() and self.is_enabled():
            watcher.scaler_seen = True
        return original(self, *args, **kwargs)

    return scale


def read(watcher: Watcher, original: Callable[..., Any]) -> Callable[..., Any]:
    """A ``get_scale`` that says that the script knows the scale: it may take it into account by hand."""

    def get_scale(self: GradScaler) -> Any:
        watcher.scale_read = True
        return original(self)

    return get_scale
