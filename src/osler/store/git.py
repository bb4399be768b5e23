"""Ask git about the user's source without waiting for the answer."""

from __future__ import annotations

import os
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from time import monotonic

PATIENCE = 10.0
"""Seconds after which git is stopped: on a network drive it may take minutes."""

AT_ONCE = 0.25
"""Seconds that a program waits for git before it starts: most answer in these, and no child is left."""

LAST_MOMENT = 0.5
"""Seconds that a program waits for git at its end."""

STATUS = ["status", "--porcelain=v2", "--branch", "--untracked-files=no"]
COMMAND = ["git", "-c", "core.fsmonitor=false", *STATUS]
"""Without the monitor: it would leave a process behind."""

OID = "# branch.oid "


class GitQuery:
    """One question that runs beside training.

    Args:
        folder: where the user's script is.

    Raises:
        OSError: git cannot be started.
    """

    def __init__(self, folder: Path) -> None:
        self._output = tempfile.TemporaryFile()  # noqa: SIM115  a pipe would fill up and stop git
        self._lines: list[str] = []
        self._until = monotonic() + PATIENCE
        try:
            self._process = subprocess.Popen(
                COMMAND,
                cwd=folder,
                env=os.environ | {"GIT_OPTIONAL_LOCKS": "0"},
                stdin=subprocess.DEVNULL,
                stdout=self._output,
                stderr=subprocess.DEVNULL,
            )
        except OSError:
            self._output.close()
            raise

    @property
    def is_over(self) -> bool:
        """Whether git has answered; it is stopped when it takes too long."""
        if self._process.poll() is None and monotonic() > self._until:
            self._process.kill()
            self._process.wait()
        return self._process.poll() is not None

    def wait_briefly(self) -> None:
        """Let git answer now if it is quick."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(AT_ONCE)
            self._read()

    def hurry(self) -> None:
        """Give git a last moment, then stop it: the program that is recorded has ended."""
        try:
            self._process.wait(LAST_MOMENT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._read()

    def _read(self) -> None:
        if not self._output.closed:
            self._output.seek(0)
            self._lines = self._output.read().decode("utf-8", "replace").splitlines()
            self._output.close()

    def answer(self) -> tuple[str, bool | None]:
        """Commit, and whether files that git follows were changed; empty and None if it is no repository."""
        self._read()
        lines = self._lines
        commits = [line.removeprefix(OID) for line in lines if line.startswith(OID)]
        if self._process.returncode != 0 or not commits:
            return "", None
        return commits[0], any(not line.startswith("#") for line in lines)


def asked(folder: Path) -> GitQuery | None:
    """A question about a folder, and a moment for its answer; None where there is no git to ask."""
    try:
        query = GitQuery(folder)
    except OSError:
        return None
    query.wait_briefly()
    return query
