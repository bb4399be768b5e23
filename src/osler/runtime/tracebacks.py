"""Take Osler's own frames out of the tracebacks that the script's author sees."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from types import CodeType, TracebackType

PACKAGE = str(Path(__file__).parents[1] / "_").removesuffix("_")

GUARD = f"{PACKAGE}runtime/guard.py"
"""What is called from here is Osler's work, whoever wrote it: Ctrl-C may come in the standard library."""

BRIDGE = "_osler_"
"""How the names start that swapped code calls (`patches.py`): such a frame is ours in a foreign file."""


def forget_our_frames(error: BaseException) -> None:
    """Remove our frames from an exception, its causes, contexts and the members of a group, in place."""
    pending, seen = [error], set[int]()
    while pending:
        error = pending.pop()
        if id(error) in seen:
            continue
        seen.add(id(error))
        error.__traceback__ = without_our_frames(error.__traceback__)
        pending += [other for other in (error.__cause__, error.__context__) if other is not None]
        if isinstance(error, BaseExceptionGroup):
            pending += error.exceptions


def without_our_frames(start: TracebackType | None) -> TracebackType | None:
    """The entries of a traceback that are not ours, linked to each other."""
    outside = takewhile(lambda entry: entry.tb_frame.f_code.co_filename != GUARD, entries(start))
    kept = [entry for entry in outside if not is_ours(entry.tb_frame.f_code)]
    for entry, following in zip(kept, [*kept[1:], None], strict=False):
        # Every assignment walks the chain: only where it changes something, or deep recursion takes minutes.
        if entry.tb_next is not following:
            entry.tb_next = following
    return kept[0] if kept else None


def entries(start: TracebackType | None) -> Iterator[TracebackType]:
    """The entries of a traceback, outermost frame first."""
    while start is not None:
        yield start
        start = start.tb_next


def is_ours(code: CodeType) -> bool:
    """Whether this code is Osler's, or was put into a foreign function by Osler."""
    return code.co_filename.startswith(PACKAGE) or any(name.startswith(BRIDGE) for name in code.co_names)
