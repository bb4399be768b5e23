"""Find a run directory: by its path, its id, the beginning of its id, or as the latest."""

from __future__ import annotations

import difflib
import os
from datetime import UTC, datetime
from pathlib import Path

from osler.errors import StoreError, UsageError
from osler.store.layout import FOLDER, RUN, process_folders

SHOWN = 3
"""Runs named when several could be meant."""

ALIKE = 0.8
"""From here on two beginnings are near enough for a guess: one wrong character in five."""

RECORD_ONE = "Record one with `osler run train.py`."
LIST_THEM = "List the runs with `osler runs`."


def find_run(given: str | None, here: Path) -> Path:
    """The run directory that a user means.

    Args:
        given: a path, an id or the beginning of one; None means the latest run.
        here: folder from which ``.osler/runs`` is searched, in it and in those above.

    Raises:
        StoreError: there is none.
        UsageError: it may be one of several.
    """
    if given is None:
        return latest(here)
    path = here / given
    if os.path.lexists(path):
        return require_folder(path, given)
    if not given or Path(given).name != given:
        raise StoreError(f"there is no folder '{given}'", fix=LIST_THEM)
    return by_id(given, here)


def require_folder(path: Path, given: str) -> Path:
    """Raises StoreError if a path that exists is no folder."""
    if not path.is_dir():
        raise StoreError(f"'{given}' is a file, not a run directory", fix=LIST_THEM)
    return path


def latest(here: Path) -> Path:
    """The run that began last."""
    home = home_above(here)
    runs = runs_in(home) if home is not None else []
    if not runs:
        raise StoreError(f"no run is recorded in {home or here} or above", fix=RECORD_ONE)
    return runs[-1]


def by_id(given: str, here: Path) -> Path:
    """The run whose id is, or begins with, what was given."""
    home = home_above(here)
    if home is None:
        raise StoreError(f"there is no run '{given}': nothing is recorded in {here} or above", fix=RECORD_ONE)
    names = [path.name for path in runs_in(home)]
    fitting = [name for name in names if name.startswith(given)]
    if len(fitting) > 1 and given not in fitting:
        raise UsageError(
            f"'{given}' may be any of {len(fitting)} runs: {some(fitting)}", fix="Give more of its name."
        )
    if not fitting:
        beginnings = {name[: len(given)]: name for name in names}
        near = difflib.get_close_matches(given, beginnings, n=1, cutoff=ALIKE)
        fix = f"Did you mean '{beginnings[near[0]]}'?" if near else LIST_THEM
        raise StoreError(f"there is no run '{given}' in {home}", fix=fix)
    return home / (given if given in fitting else fitting[0])


def some(names: list[str]) -> str:
    """The newest names, and how many more there are."""
    shown = names[: -SHOWN - 1 : -1]
    more = len(names) - len(shown)
    return ", ".join([*shown, f"{more} more"] if more else shown)


def home_above(here: Path) -> Path | None:
    """The nearest ``.osler/runs``, in a folder or above it."""
    folder = here.absolute()
    homes = (place / FOLDER / "runs" for place in (folder, *folder.parents))
    return next((home for home in homes if home.is_dir()), None)


def home_of(folder: Path) -> Path:
    """Where the runs of a folder are: below ``.osler/runs``, or in the folder itself."""
    home = folder / FOLDER / "runs"
    return home if home.is_dir() else folder


def runs_in(home: Path) -> list[Path]:
    """Everything in a folder that is, or may have been, a run directory; the newest is last.

    Raises:
        StoreError: the folder cannot be read.
    """
    try:
        with os.scandir(home) as entries:
            found = [(began(e), Path(e.path)) for e in entries if RUN.fullmatch(e.name) or is_run(e)]
    except OSError as error:
        raise StoreError(f"cannot read {home}: {error.strerror}", fix=LIST_THEM) from error
    return [path for _, path in sorted(found)]


def is_run(entry: os.DirEntry[str]) -> bool:
    """Whether a process has recorded into this folder."""
    try:
        return entry.is_dir() and any(process_folders(Path(entry.path)))
    except OSError:
        return False


def began(entry: os.DirEntry[str]) -> tuple[str, int]:
    """When a run began, as text that sorts, and the time of its folder to tell the runs of a second apart."""
    try:
        changed = entry.stat().st_mtime_ns
    except OSError:
        changed = 0
    known = RUN.fullmatch(entry.name)  # one that the user has named is dated by its folder
    second = known[1] if known else f"{datetime.fromtimestamp(changed / 1e9, UTC):%Y%m%d-%H%M%S}"
    return second, changed
