"""`torch.save` and `torch.load`: the state of a training on its way to a file and back."""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

import torch.serialization

from osler.runtime.patches import Patches
from osler.runtime.watcher import Watcher


def install(watcher: Watcher, patches: Patches) -> None:
    """Swap the code of ``torch.load`` and ``torch.save``."""
    gate = watcher.gate("files of weights")

    def wrap_load(twin: Callable[..., Any]) -> Callable[..., Any]:
        def load(*args: Any, **kwargs: Any) -> Any:
            result = twin(*args, **kwargs)
            gate.call(read, result, file_of(args, kwargs, 0), sys._getframe(1))
            return result

        return load

    def wrap_save(twin: Callable[..., Any]) -> Callable[..., Any]:
        def save(*args: Any, **kwargs: Any) -> Any:
            result = twin(*args, **kwargs)
            gate.call(watcher.resuming.written, file_of(args, kwargs, 1))
            return result

        return save

    def read(content: object, place: object, frame: Any) -> None:
        watcher.resuming.loaded(content, place, watcher.lines.site(frame))
        if watcher.resuming.pending is not None:
            watcher.thinning.attend()

    patches.swap(torch.serialization.load, wrap_load)
    patches.swap(torch.serialization.save, wrap_save)


def file_of(args: tuple[Any, ...], kwargs: dict[str, Any], position: int) -> object:
    """The path of a file, or the identity of what stands for one."""
    file = args[position] if len(args) > position else kwargs.get("f")
    return os.path.realpath(file) if isinstance(file, str | os.PathLike) else id(file)  # pyright: ignore
