"""Keep `torch.compile` out of Osler's own frames: what is traced stays what it was without Osler.

Around a graph break, and in everything that a compiled function calls from outside its graphs, dynamo tries
to compile each Python frame that is not torch's own. Ours would become graphs and graph breaks of the
user's program. A mark on the code object tells dynamo to pass it over as a frame of its own; inside a
graph it is traced through as before, and there `is_compiling()` leaves nothing of it.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from types import CodeType, ModuleType
from typing import Any

import torch._C._dynamo.eval_frame as frames  # pyright: ignore[reportMissingModuleSource]

from osler.runtime.guard import Gate

PACKAGE = __name__.rpartition(".")[0]

SKIP_THIS, SKIP_ALL = 0, 1
"""Pass over the frame itself, or also over everything that is called from it."""


def pass_over_our_frames() -> None:
    """Mark the code of this package, and of everything that a gate lets in."""
    mark = marker()
    for name, module in list(sys.modules.items()):
        if name.startswith(PACKAGE):
            for code in codes_of(module):
                mark(code, SKIP_THIS)
    for entrance in (Gate.call, Gate.within):
        mark(entrance.__code__, SKIP_ALL)


def marker() -> Callable[[CodeType, int], None]:
    """How this torch is told; 2.6 can only be told about single frames."""
    known: Any = frames
    if not hasattr(known, "set_code_exec_strategy"):
        return lambda code, _depth: known.skip_code(code)
    skip, default = known._FrameAction.SKIP, known._FrameAction.DEFAULT
    strategies = known._FrameExecStrategy(skip, default), known._FrameExecStrategy(skip, skip)
    return lambda code, depth: known.set_code_exec_strategy(code, strategies[depth])


def codes_of(module: ModuleType) -> Iterator[CodeType]:
    """The code objects of the functions and classes that a module defines, with those inside them."""
    for thing in list(vars(module).values()):
        if getattr(thing, "__module__", "") != module.__name__:
            continue
        members = list(vars(thing).values()) if inspect.isclass(thing) else [thing]
        for member in members:
            function = getattr(member, "fget", None) or getattr(member, "__func__", member)
            if code := getattr(inspect.unwrap(function), "__code__", None):
                yield from nested(code)


def nested(code: CodeType) -> Iterator[CodeType]:
    """A code object and those of the functions that it defines."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from nested(constant)
