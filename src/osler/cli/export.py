"""Write all values of a recorded run as CSV, Parquet or TensorBoard event files."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from osler.cli import Parser
    from osler.store.reader import StoredRun

EPILOG = "RUN is a path, an id as `osler runs` lists it, or the beginning of one."


def configure(parser: Parser) -> None:
    """Declare the arguments."""
    from osler.store.export.targets import targets

    parser.epilog = EPILOG
    known = targets()
    endings = " ".join(target.SUFFIX for target in known.values())
    parser.add_argument("run", nargs="?", metavar="RUN", help="the latest run of this project if not given")
    parser.add_argument("--to", required=True, choices=tuple(known), help="the format")
    parser.add_argument(
        "--output", metavar="PATH", help=f"file or folder to write; the run's id and {endings} if not given"
    )


def execute(args: Namespace) -> int:
    """Write the file; say what is in it."""
    from osler.cli import OK
    from osler.store.export.targets import exported, targets
    from osler.store.locate import find_run
    from osler.store.reader import open_run

    stored = open_run(find_run(args.run, Path.cwd()))
    target = targets()[args.to]
    path = Path(args.output) if args.output is not None else Path(f"{stored.path.name}{target.SUFFIX}")
    say(stored, exported(stored, target, path.absolute()), path)
    return OK


def say(stored: StoredRun, amount: int, path: Path) -> None:
    """What was written, and what could not be read."""
    from osler.cli import tell
    from osler.model import counted
    from osler.report.wording import printable

    series = counted(sum(len(process.series) for process in stored.processes), "series", "series")
    tell(f"osler: {counted(amount, 'value')} of {series} written to {printable(str(path))}\n")
    for problem in stored.problems:
        tell(f"osler: not read: {printable(problem)}\n")
