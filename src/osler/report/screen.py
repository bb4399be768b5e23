"""Osler's own way to the user's terminal, open even if the script closes stderr."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass

STDERR = 2
WIDEST = 100
"""Columns of text at most: longer lines are hard to read."""

NARROWEST = 40
"""Columns of text at least: below this the terminal may wrap the lines itself."""


@dataclass(frozen=True, slots=True)
class Screen:
    """Where Osler's text goes. Writing never fails: the reader may be gone.

    Attributes:
        descriptor: an open file, None if there is nowhere to write.
        encoding: of the text; what it lacks is escaped.
        is_terminal: somebody is looking, and lines may be rewritten.
        has_color: colour is wanted.
        width: columns to use.
    """

    descriptor: int | None
    encoding: str = "utf-8"
    is_terminal: bool = False
    has_color: bool = False
    width: int = WIDEST

    def write(self, text: str) -> None:
        """Write all of the text now, or as much as can be written."""
        if self.descriptor is None:
            return
        rest = memoryview(text.encode(self.encoding, "backslashreplace"))
        with contextlib.suppress(OSError):
            while rest:
                rest = rest[os.write(self.descriptor, rest) :]


def own_stderr(environment: Mapping[str, str] = os.environ) -> Screen:
    """A screen on a duplicate of stderr, to be made before the script starts."""
    if sys.stderr is None:
        return Screen(None)
    try:
        descriptor = os.dup(STDERR)
    except OSError:
        return Screen(None)
    return screen_on(descriptor, environment, sys.stderr.encoding)


def own_stdout(environment: Mapping[str, str] = os.environ) -> Screen:
    """A screen on stdout, for a command whose product is text."""
    if sys.stdout is None:
        return Screen(None)
    return screen_on(sys.stdout.fileno(), environment, sys.stdout.encoding)


def screen_on(
    descriptor: int, environment: Mapping[str, str] = os.environ, encoding: str = "utf-8"
) -> Screen:
    """A screen on an open file: plain and of full width unless it is a terminal."""
    is_terminal = os.isatty(descriptor) and environment.get("TERM") != "dumb"
    columns = shutil.get_terminal_size().columns if is_terminal else WIDEST
    return Screen(
        descriptor,
        encoding,
        is_terminal=is_terminal,
        has_color=is_terminal and not environment.get("NO_COLOR"),
        width=max(min(columns, WIDEST), NARROWEST),
    )
