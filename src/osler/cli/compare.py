"""Compare two recorded runs: settings, where the losses part, findings gained and lost."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from osler.cli import Parser
    from osler.report.comparison import Side
    from osler.store.reader import StoredRun

SEVERITIES = ("hint", "warning", "error")
EPILOG = """\
A and B are paths, ids as `osler runs` lists them, or the beginnings of ids. A finding is new if B alone
has it and the check was evaluated in both.
Exit code: 0; 1 if --fail-on-new is met; 2 if there is no such run or it cannot be read."""


def configure(parser: Parser) -> None:
    """Declare the arguments."""
    parser.epilog = EPILOG
    parser.add_argument("first", metavar="A", help="the run to compare with")
    parser.add_argument("second", metavar="B", help="the run that is compared")
    parser.add_argument("--json", action="store_true", help="write JSON (osler.comparison/1) instead of text")
    parser.add_argument(
        "--fail-on-new", choices=SEVERITIES, help="exit with 1 if B has a new finding at or above this"
    )


def execute(args: Namespace) -> int:
    """Compare, print; the exit code."""
    from osler import __version__
    from osler.cli import FAILED, OK
    from osler.model import Severity
    from osler.report import side_by_side
    from osler.report.comparison import compare
    from osler.report.frame import Frame
    from osler.report.screen import own_stdout
    from osler.report.source import Sources
    from osler.store.locate import find_run
    from osler.store.reader import open_run

    root = Path.cwd()
    first, second = (open_run(find_run(given, root)) for given in (args.first, args.second))
    is_told_apart = first.path.name != second.path.name
    found = compare(
        side(first, first.path.name if is_told_apart else args.first),
        side(second, second.path.name if is_told_apart else args.second),
    )
    if args.json:
        own_stdout().write(side_by_side.as_json(found, Frame(__version__, root, Sources())))
    else:
        own_stdout().write(side_by_side.in_words(found, root))
    remark(first)
    remark(second)
    worst = found.worst_gained
    is_failure = args.fail_on_new and worst is not None and worst >= Severity[args.fail_on_new.upper()]
    return FAILED if is_failure else OK


def side(stored: StoredRun, name: str) -> Side:
    """One of the two, judged."""
    from dataclasses import asdict

    from osler.engine.stored import examined
    from osler.report.comparison import Side

    return Side(name, asdict(stored.manifest), stored.run, examined(stored))


def remark(stored: StoredRun) -> None:
    """Say what keeps a run from being whole."""
    from osler.cli import tell
    from osler.report.wording import printable
    from osler.store.process import Status

    name = printable(stored.path.name)
    words = {Status.CUT_SHORT: "was cut short", Status.RECORDING: "is still being written"}
    if stored.status in words:
        tell(f"osler: {name} {words[stored.status]}\n")
    for problem in stored.problems:
        tell(f"osler: not read: {name}: {printable(problem)}\n")
