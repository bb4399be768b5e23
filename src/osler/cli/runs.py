"""List the recorded runs: when, how long, the last loss, what was found."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from osler.cli import Parser

EPILOG = "The newest run is last. To read one: osler report RUN"


def configure(parser: Parser) -> None:
    """Declare the arguments."""
    parser.epilog = EPILOG
    parser.add_argument(
        "folder",
        nargs="?",
        metavar="DIR",
        help="project or folder of runs; if not given, the nearest .osler/runs, here or above",
    )
    parser.add_argument("--json", action="store_true", help="write JSON (osler.runs/1) instead of a table")


def execute(args: Namespace) -> int:
    """Print the list."""
    from osler.cli import OK, tell
    from osler.engine.runs import listed
    from osler.report import runs as words

    home = home_of_runs(args.folder)
    found = list(listed(home)) if home is not None else []
    if args.json:
        sys.stdout.write(words.as_json(found))
    elif found:
        sys.stdout.write(words.as_table(found))
    sys.stdout.flush()  # here a reader that has gone away is no error, at the end of the process it is one
    if not found:
        where = home or f"{Path.cwd()} or above"
        tell(f"osler: no run is recorded in {where}\n  fix: Record one with `osler run train.py`.\n")
    elif not args.json:
        tell(words.unread(found))
    return OK


def home_of_runs(folder: str | None) -> Path | None:
    """The folder whose runs are listed; None if there is none."""
    from osler.errors import UsageError
    from osler.store.locate import home_above, home_of

    if folder is None:
        return home_above(Path.cwd())
    if not Path(folder).is_dir():
        raise UsageError(f"there is no folder '{folder}'", fix="Name a folder that holds runs.")
    return home_of(Path(folder))
