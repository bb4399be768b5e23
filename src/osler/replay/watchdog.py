"""End what hangs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import monotonic


class Watchdog:
    """Calls for the end when nothing has happened for too long.

    Args:
        on_hang: called once, from a thread of its own, with the seconds of silence.
        patience: seconds.
    """

    def __init__(self, on_hang: Callable[[float], None], patience: float) -> None:
        self.patience = patience
        self._on_hang = on_hang
        self._last = monotonic()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def alive(self) -> None:
        """Something has happened."""
        self._last = monotonic()

    def start(self) -> None:
        """Begin to watch."""
        if self._thread is None:
            self.alive()
            self._thread = threading.Thread(target=self._watch, name="osler-watchdog", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Watch no more."""
        self._over.set()

    def _watch(self) -> None:
        while not self._over.wait(min(1.0, self.patience / 4)):
            silence = monotonic() - self._last
            if silence > self.patience:
                self._over.set()
                self._on_hang(silence)
