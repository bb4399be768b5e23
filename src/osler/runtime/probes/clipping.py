"""Gradient clipping."""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import torch.nn.utils.clip_grad as clip_grad
from torch.compiler import is_compiling

from osler.model import Kind
from osler.runtime.patches import Patches
from osler.runtime.watcher import Watcher


def install(watcher: Watcher, patches: Patches) -> None:
    """Swap the code of the clipping functions."""
    gate = watcher.gate("gradient clipping")

    def wrap(name: str, twin: Callable[..., Any]) -> Callable[..., Any]:
        def observed(*args: Any, **kwargs: Any) -> Any:
            result = twin(*args, **kwargs)
            if not is_compiling():
                gate.call(lambda frame: emit(name, frame), sys._getframe(1))
            return result

        return observed

    def emit(name: str, frame: Any) -> None:
        if watcher.thinning.on:
            watcher.thinning.kinds.append(Kind.CLIP)
            return
        watcher.ledger.emit(Kind.CLIP, name, watcher.lines.site(frame))
        for holder in watcher.all_holders():
            holder.rewritten_by_clipping()

    for name in ("clip_grad_norm_", "clip_grad_value_"):
        patches.swap(getattr(clip_grad, name), lambda twin, name=name: wrap(name, twin))
