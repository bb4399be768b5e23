"""How a script ended, told once and only in the process that started."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from osler.runtime.stopping import StopTraining

EndedBy = Literal["", "exception", "sys.exit", "interrupt", "SIGTERM", "os._exit", "stopped"]

INTERRUPTED = 130
TERMINATED = 143
"""What a shell reports for a process that died of SIGINT or SIGTERM: 128 plus the number."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How the script ended.

    Attributes:
        exit_code: as a shell reports it, so 130 and 143 stand for death by SIGINT and SIGTERM.
        ended_by: what ended it; empty when its last line was reached.
        crash: the uncaught exception, only with ``ended_by="exception"``.
    """

    exit_code: int
    ended_by: EndedBy
    crash: BaseException | None = None


class LastWord:
    """Calls ``on_end`` exactly once, whatever ends the script first, and never in a forked child.

    Attributes:
        training_stopped: a thread of the script was ended by the watcher.
    """

    def __init__(self, on_end: Callable[[Ending], int | None]) -> None:
        self.training_stopped = False
        self._on_end = on_end
        self._process = os.getpid()
        # A lock because a signal handler or another thread may come in between any two lines.
        self._unsaid = threading.Lock()

    def __call__(self, ending: Ending) -> int:
        """Announce the ending; the exit code to leave with, which ``on_end`` may replace if all was well."""
        if os.getpid() != self._process or not self._unsaid.acquire(blocking=False):
            return ending.exit_code
        if self.training_stopped and ending.ended_by == "":
            ending = replace(ending, ended_by="stopped")
        answer = self._on_end(ending)
        return ending.exit_code if answer is None or ending.exit_code else answer


def how_ended(error: BaseException | None) -> EndedBy:
    """How a part of a program ended that this left, or nothing."""
    match error:
        case None:
            return ""
        case StopTraining():
            return "stopped"
        case SystemExit():
            return "sys.exit"
        case KeyboardInterrupt():
            return "interrupt"
        case _:
            return "exception"
