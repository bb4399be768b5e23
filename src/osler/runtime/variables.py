"""The variables of a running function, read without a trace.

Up to Python 3.12 `frame.f_locals` is a dict that stays with the frame, and so does all that it holds: the
tensors of one batch, and the graph behind them, would live until somebody looks again. It is also the very
dict that the function's own `locals()` returns, so that a look would change what the script has kept.
(PEP 667 tells the whole story.)
"""

from __future__ import annotations

import dis
import functools
import inspect
import sys
from types import CodeType, FrameType
from typing import Any

STAYS = sys.version_info < (3, 13)
"""The dict stays with the frame."""

ASKS = frozenset({"locals", "vars", "eval", "exec"})
"""Functions with which a function may itself get hold of the dict."""

OURS = 3
"""References to a dict that nobody holds: the frame's, that of a variable, and that of the question."""


def variables_of(frame: FrameType, *, always: bool = False) -> dict[str, Any]:
    """The variables of a frame, and what they hold now.

    Args:
        frame: of a function that is running; at the level of a module its globals are meant.
        always: also those of a function that asks for them itself: what it has kept is then brought up to
            date.

    Returns:
        A dict of the caller's own; empty where to read would be seen.
    """
    if not frame.f_code.co_flags & inspect.CO_OPTIMIZED or not STAYS:
        return dict(frame.f_locals)
    if not always and _asks(frame.f_code):
        return {}
    kept = frame.f_locals
    read = dict(kept)
    if frame.f_trace is None and sys.getrefcount(kept) <= OURS:
        kept.clear()
    return read


@functools.lru_cache(maxsize=256)
def _asks(code: CodeType) -> bool:
    """Whether such a function is named; `model.eval()` names none, but to tell takes a millisecond."""
    if ASKS.isdisjoint(code.co_names):
        return False
    named = (i for i in dis.get_instructions(code) if i.opname in {"LOAD_GLOBAL", "LOAD_NAME"})
    return any(i.argval in ASKS for i in named)
