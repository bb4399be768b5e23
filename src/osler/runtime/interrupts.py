"""Ctrl-C after the script has ended: who presses it twice to end a training still wants its report."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable


class Interrupts:
    """Holds back the first Ctrl-C that arrives while Osler speaks; the next one counts, should it hang.

    A context: the script's own handler is back at its end.

    Attributes:
        held: Osler speaks; false while the script's own code runs, which Ctrl-C reaches as ever.
        spared: one was held back.
    """

    def __init__(self) -> None:
        self.held = True
        self.spared = False
        self._handler: Callable[..., object] | None = None

    def __enter__(self) -> Interrupts:
        before = signal.getsignal(signal.SIGINT)
        is_main = threading.current_thread() is threading.main_thread()
        if is_main and callable(before):  # only there can one be set, and what C set cannot be put back
            self._handler = before
            signal.signal(signal.SIGINT, self._heard)
        return self

    def __exit__(self, *_: object) -> None:
        if self._handler is not None and signal.getsignal(signal.SIGINT) == self._heard:
            signal.signal(signal.SIGINT, self._handler)

    def letting_through(self, action: Callable[[], object]) -> None:
        """Do what Ctrl-C may interrupt as if Osler were not there."""
        self.held = False
        try:
            action()
        finally:
            self.held = True

    def _heard(self, number: int, frame: object) -> None:
        if self.held and not self.spared:
            self.spared = True
        elif self._handler is not None:
            self._handler(number, frame)
