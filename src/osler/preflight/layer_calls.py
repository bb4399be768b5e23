"""Make the call of a model again, and hear of the calls of its layers."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from types import FrameType
from typing import Any

import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook

from osler.model import Site
from osler.replay.trees import cloned, tensors
from osler.replay.turn import ForwardCall
from osler.runtime.userlines import UserLines


def is_compiled(model: nn.Module) -> bool:
    """Whether the calls of some of a model's parts cannot be seen."""
    return any(
        type(m).__name__ == "OptimizedModule" or m._compiled_call_impl is not None  # pyright: ignore
        for m in model.modules()
    )


def repeat(call: ForwardCall) -> Any:
    """Make a call again, with a graph as in training, and return what it returns."""
    device = next((t.device.type for t in tensors(call.output)), "cpu")
    mixed = call.autocast is not None
    with torch.enable_grad(), torch.autocast(device, call.autocast) if mixed else nullcontext():
        return call.module(*cloned(call.args), **cloned(call.kwargs))


@dataclass(frozen=True, slots=True)
class Caller:
    """Tells from which line of the user's a layer is called: that of the model where torch alone calls it.

    Attributes:
        lines: tells the user's lines.
        outside: the user's frame that was running before the model was called.
        site: where the model is called.
    """

    lines: UserLines
    outside: FrameType | None
    site: Site

    def line(self) -> Site:
        """The line of the call from whose hook this is asked."""
        frame = self.lines.frame(sys._getframe(2))  # pyright: ignore[reportPrivateUsage]
        return self.site if frame is self.outside else self.lines.site(frame)[:1]


def caller(call: ForwardCall, lines: UserLines) -> Caller:
    """What tells the lines while a call is made again from here."""
    return Caller(lines, lines.frame(sys._getframe(1)), call.site)  # pyright: ignore[reportPrivateUsage]


@contextmanager
def hooked(begin: Callable[..., None], end: Callable[..., None]) -> Generator[None]:
    """Hear of every call of a module."""
    handles = register_module_forward_pre_hook(begin), register_module_forward_hook(end)
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
