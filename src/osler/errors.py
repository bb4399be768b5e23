"""Everything that can go wrong inside Osler, as one tree.

OslerError
├── UsageError          the command line or a public call was used wrongly (exit code 2)
├── StoreError          a run directory cannot be made, read or sealed (exit code 2)
├── SettingsError       `[tool.osler]` in pyproject.toml is wrong (exit code 2)
└── UnknownName         a check, setting or measure of that name does not exist (exit code 2)
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class OslerError(Exception):
    """What could not be done; ``fix`` says what to do instead."""

    def __init__(self, message: str, *, fix: str = "") -> None:
        super().__init__(message)
        self.fix = fix


class UsageError(OslerError):
    """The command line or a public function was used wrongly."""


class SettingsError(OslerError):
    """A setting in ``pyproject.toml`` is unknown or has the wrong type."""


class StoreError(OslerError):
    """A run directory cannot be made or read."""


class UnknownName(OslerError):
    """A name that is not in the list it was looked up in.

    Args:
        kind: what was looked for, for example ``check``.
        name: what was given.
        known: every name that exists.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
        fix = f"Did you mean '{near[0]}'?" if near else f"List the names with `osler {kind}s`."
        super().__init__(f"there is no {kind} named '{name}'", fix=fix)
