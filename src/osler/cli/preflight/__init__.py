"""Make experiments on the first batches of an unmodified training script, then stop."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from osler.cli import split
from osler.errors import UsageError
from osler.settings import FAIL_ON, KEEP, load

if TYPE_CHECKING:
    from osler.cli import Parser
    from osler.model import Severity
    from osler.settings import Settings
    from osler.store.logbook import Plan

OPTIONS = ("format", "output", "fail-on", "select", "ignore", "keep", "store", "run-dir", "quiet")
BUDGET = 60.0
"""Seconds for the experiments."""

UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}
USAGE = (
    "osler preflight [options] train.py [arguments]\n"
    "       osler preflight [options] -m package.module [arguments]"
)
EPILOG = (
    "Options come before the script. Nothing that the script writes or prints is kept; the answers are "
    "recorded, for `osler report`. Exit code: 0 nothing at or above --fail-on, 1 something, 2 could not run."
)


def configure(parser: Parser) -> None:
    """Declare the arguments."""
    from osler.report.formats import suffixes

    parser.starts_a_script = True
    parser.usage, parser.epilog = USAGE, EPILOG
    add = parser.add_argument
    add("script", nargs="?", metavar="train.py", help="the script to examine")
    add("-m", dest="module", metavar="MODULE", help="examine a module, as `python -m` would run it")
    add(
        "--budget",
        metavar="TIME",
        default=f"{BUDGET:.0f}s",
        help="for the experiments: 60s, 5m; 60s if not given",
    )
    add(
        "--continue",
        dest="goes_on",
        action="store_true",
        help="afterwards start the training under `osler run`",
    )
    add("--network", action="store_true", help="show the layers of the network as they ran")
    add("--show-output", action="store_true", help="show what the script itself prints")
    add(
        "--format",
        choices=tuple(suffixes()),
        help="of the report; text if not given; JSON on stderr is one line",
    )
    add("--output", metavar="FILE", help="write the report to this file as well")
    add("--fail-on", choices=FAIL_ON, help="exit with 1 if this was found; error if not given")
    add("--select", type=split, metavar="NAME,...", help="evaluate only these checks")
    add("--ignore", type=split, metavar="NAME,...", help="leave these checks out")
    add("--run-dir", metavar="DIR", help="record the pre-flight here; .osler/runs/<time> if not given")
    add("--keep", choices=KEEP, help="in the record besides numbers: the first samples of the data")
    add("--no-store", dest="store", action="store_false", default=None, help="record nothing")
    add("--quiet", action="store_true", default=None, help="print nothing")


def execute(args: Namespace) -> int:
    """Examine the script; the exit code to leave with."""
    from osler.cli.preflight.room import Room
    from osler.cli.run import require_torch, sources_of
    from osler.report.screen import own_stderr
    from osler.runtime.guard import Guard
    from osler.runtime.script import Target, run_script
    from osler.session import Session

    if (args.script is None) == (args.module is None):
        raise UsageError("no script was given", fix="Name it after the options: osler preflight train.py")
    budget = seconds(args.budget)
    require_torch()
    settings, screen = settings_of(args), own_stderr()

    def warn(sentence: str) -> None:
        screen.write(f"osler: {sentence}\n")

    record = plan(args, settings, warn)
    session = Session(replace(settings, max_steps=None, stop_on=None), warn=warn, plan=record)
    room = Room(args, settings, session, screen, sources_of(args), budget)
    gate = Guard(warn).gate("the end of the script")
    room.enter()
    try:
        target = Target(args.script, args.module, args.arguments)
        return run_script(target, lambda ending: gate.call(room.end, ending))
    except UsageError:
        room.leave()
        raise


def settings_of(args: Namespace) -> Settings:
    """What the user has asked for; the run directory that a project sets is that of its training."""
    from osler.cli.run import folder_of
    from osler.engine.catalogue import catalogue
    from osler.report.formats import suffixes

    given = {key: getattr(args, key.replace("-", "_")) for key in OPTIONS}
    given = {key: value for key, value in given.items() if value is not None}
    settings = load(folder_of(args), given, catalogue(), suffixes())
    run_dir = None if args.run_dir is None else settings.run_dir
    fail_on = settings.fail_on if settings.fail_on or args.fail_on else error()
    return replace(settings, run_dir=run_dir, fail_on=fail_on)


def plan(args: Namespace, settings: Settings, warn: Callable[[str], None]) -> Plan | None:
    """Where the pre-flight is recorded, if at all: at its end, because until then fences are up."""
    from osler.cli import run
    from osler.cli.preflight.room import COMMAND

    planned = run.plan(settings, args.script or f"-m {args.module}", warn)
    return replace(planned, command=COMMAND, at_end=True) if planned is not None else None


def seconds(text: str) -> float:
    """A time such as ``60s`` or ``5m``.

    Raises:
        UsageError: it is none.
    """
    unit = text[-1:] if text[-1:] in UNITS else ""
    number = text.removesuffix(unit)
    try:
        value = float(number) * UNITS.get(unit, 1.0)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise UsageError(f"--budget is {text!r}, expected a time such as 60s, 5m or 1h")
    return value


def error() -> Severity:
    """The severity from which on a pre-flight fails unless told otherwise."""
    from osler.model import Severity

    return Severity.ERROR
