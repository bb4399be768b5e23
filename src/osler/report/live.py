"""What is shown while the script trains: one line that renews itself, and findings as they become certain."""

from __future__ import annotations

import _thread
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from osler.model import Finding, Severity, counted
from osler.report.screen import Screen
from osler.report.wording import in_one_line, number

PERIOD = 0.25
"""Seconds between two looks: faster than this nobody reads."""

PATIENCE = 0.5
"""Seconds to wait for the other thread at most; it may be gone after a fork."""

SAVE, RESTORE = "\x1b7", "\x1b8"
ERASE = "\x1b[K"
NO_WRAP, WRAP = "\x1b[?7l", "\x1b[?7h"

COLORS = {Severity.ERROR: "31", Severity.WARNING: "33", Severity.HINT: "36"}


class Progress(Protocol):
    """What the line tells."""

    @property
    def steps(self) -> int:
        """Optimizer steps so far."""
        ...

    @property
    def loss(self) -> float | None:
        """The latest loss."""
        ...

    @property
    def findings(self) -> int:
        """Certain findings so far."""
        ...


class Live:
    """The live line of one run, and the findings announced above it.

    The line is drawn behind the cursor, which stays where the script left it: whatever the script prints next
    goes exactly where it would have gone, over the line. Nothing is redrawn while training stands still, so a
    prompt or a debugger is left alone.
    """

    def __init__(self, screen: Screen, root: Path) -> None:
        self._screen = screen
        self._root = root
        self._shown = ""
        self._closed = False
        self._drawing = _thread.allocate_lock()
        self._sleeping = _thread.allocate_lock()

    def start(self, progress: Callable[[], Progress]) -> None:
        """Keep the line up to date from now on, if anyone can see it."""
        if not self._screen.is_terminal:
            return
        self._sleeping.acquire()
        # Not `threading.Thread`: the script would find that one in `threading.enumerate()`.
        _thread.start_new_thread(self._repeat, (progress,))

    def show(self, progress: Progress) -> None:
        """Draw the line once, if it tells anything new."""
        text = line(progress)[: self._screen.width - 1]
        if progress.steps and text != self._shown:
            self._shown = text
            self._draw(f"{SAVE}{NO_WRAP}{text}{ERASE}{WRAP}{RESTORE}")

    def announce(self, finding: Finding) -> None:
        """Print a finding now; the line reappears with the next step."""
        text = in_one_line(finding, self._root)
        if self._screen.has_color:
            label = finding.severity.label
            text = text.replace(f"  {label}  ", f"  \x1b[{COLORS[finding.severity]}m{label}\x1b[0m  ", 1)
        self._draw(f"{ERASE if self._shown else ''}osler: {text}\n")
        self._shown = ""

    def stop(self) -> None:
        """Remove the line for good."""
        self._draw(ERASE if self._shown else "", last=True)
        if self._sleeping.locked():
            self._sleeping.release()

    def _repeat(self, progress: Callable[[], Progress]) -> None:
        while not self._sleeping.acquire(timeout=PERIOD):
            self.show(progress())

    def _draw(self, text: str, *, last: bool = False) -> None:
        held = self._drawing.acquire(timeout=PATIENCE)
        if text and not self._closed:
            self._screen.write(text)
        self._closed = self._closed or last
        if held:
            self._drawing.release()


def line(progress: Progress) -> str:
    """Step, loss and findings in a few words: short, so that the script's own lines cover it."""
    parts = [f"step {progress.steps}"]
    if progress.loss is not None:
        parts.append(f"loss {number(progress.loss)}")
    if progress.findings:
        parts.append(counted(progress.findings, "finding"))
    return "  ".join(parts)
