"""Judge a recorded run and show the report, also of a run that was killed or goes on."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from osler.cli import split
from osler.settings import FAIL_ON, TEXT, load

if TYPE_CHECKING:
    from osler.cli import Parser
    from osler.model import Diagnosis
    from osler.settings import Settings
    from osler.store.reader import StoredRun

OPTIONS = ("format", "output", "fail-on", "select", "ignore")
EPILOG = """\
RUN is a path, an id as `osler runs` lists it, or the beginning of one. Without --select and --ignore
the run is judged as it was when it was recorded. Source lines are shown as they are now.
Exit code: 0; 1 if --fail-on is met; 2 if there is no such run or it cannot be read."""


def configure(parser: Parser) -> None:
    """Declare the arguments."""
    from osler.report.formats import suffixes

    parser.epilog = EPILOG
    forms = suffixes()
    endings = " ".join(suffix for suffix in forms.values() if suffix)
    add = parser.add_argument
    add("run", nargs="?", metavar="RUN", help="the latest run of this project if not given")
    add("--format", choices=tuple(forms), help="of the report; text if not given")
    add(
        "--output",
        metavar="FILE",
        help=f"write the report here instead of to stdout; without --format its ending decides: {endings}",
    )
    add("--fail-on", choices=FAIL_ON, help="exit with 1 if this was found; never if not given")
    add("--select", type=split, metavar="NAME,...", help="evaluate only these checks")
    add("--ignore", type=split, metavar="NAME,...", help="leave these checks out")


def execute(args: Namespace) -> int:
    """Read, judge, report; the exit code."""
    from osler.cli import FAILED, OK
    from osler.engine.catalogue import catalogue
    from osler.engine.verdict import diagnose
    from osler.report.formats import suffixes
    from osler.report.since import with_doubts
    from osler.store.locate import find_run
    from osler.store.reader import open_run

    given = {k: v for k in OPTIONS if (v := getattr(args, k.replace("-", "_"))) is not None}
    settings = load(None, given, catalogue(), suffixes())
    stored = open_run(find_run(args.run, Path.cwd()))
    diagnosis = with_doubts(diagnose(stored, select=args.select, ignore=args.ignore), stored, Path.cwd())
    publish(diagnosis, settings, stored)
    worst, fail_on = diagnosis.worst, settings.fail_on
    return FAILED if fail_on is not None and worst is not None and worst >= fail_on else OK


def publish(diagnosis: Diagnosis, settings: Settings, stored: StoredRun) -> None:
    """Write the report where it was asked for.

    Raises:
        UsageError: the file cannot be written.
    """
    from osler import __version__
    from osler.errors import UsageError
    from osler.report import terminal
    from osler.report.formats import formats
    from osler.report.frame import Frame
    from osler.report.screen import own_stdout
    from osler.report.source import Sources
    from osler.report.wording import answered

    root, sources, screen = Path.cwd(), Sources(), own_stdout()
    if settings.output is None and settings.format == TEXT:
        screen.write("".join(f"osler: {answered(answer)}\n" for answer in diagnosis.experiments))
        screen.write(terminal.render(diagnosis, terminal.Page(root, sources, screen.width, screen.has_color)))
        return
    text = formats()[settings.format].render(diagnosis, Frame(__version__, root, sources, record=stored))
    if settings.output is None:
        screen.write(text)
        return
    try:
        settings.output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"cannot write {settings.output}: {error.strerror}", fix="Choose another --output."
        ) from error
