"""Run a training script unchanged, watch it, and say what is wrong with it."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from osler.cli import split
from osler.errors import UsageError
from osler.settings import FAIL_ON, KEEP, SAMPLES, STOP_ON, TEXT, load

if TYPE_CHECKING:
    from osler.cli import Parser
    from osler.model import Diagnosis
    from osler.report.frame import Frame
    from osler.report.live import Live
    from osler.report.screen import Screen
    from osler.report.source import Sources
    from osler.runtime.script import Ending
    from osler.session import Session
    from osler.settings import Settings
    from osler.store.logbook import Plan

OPTIONS = (
    "format", "output", "fail-on", "select", "ignore", "max-steps", "stop-on", "overhead", "keep", "store",
    "run-dir", "quiet",
)  # fmt: skip

USAGE = "osler run [options] train.py [arguments]\n       osler run [options] -m package.module [arguments]"
EPILOG = "Options come before the script; what follows the script belongs to it. Its exit code is kept."


def configure(parser: Parser) -> None:
    """Declare the arguments."""
    from osler.report.formats import suffixes

    forms = suffixes()
    endings = " ".join(suffix for suffix in forms.values() if suffix)
    parser.starts_a_script = True
    parser.usage, parser.epilog = USAGE, EPILOG
    add = parser.add_argument
    add("script", nargs="?", metavar="train.py", help="the script to run, as Python would")
    add("-m", dest="module", metavar="MODULE", help="run a module, as `python -m` would")
    add("--format", choices=tuple(forms), help="of the report; text if not given; JSON on stderr is one line")
    add(
        "--output",
        metavar="FILE",
        help=f"write the report to this file as well; without --format its ending decides: {endings}",
    )
    add("--fail-on", choices=FAIL_ON, help="exit with 10 if the script ends well but this was found")
    add("--stop-on", choices=STOP_ON, help="stop training and exit with 10 as soon as this is certain")
    add("--max-steps", type=int, metavar="N", help="stop training after N optimizer steps, exit with 0")
    add("--select", type=split, metavar="NAME,...", help="evaluate only these checks")
    add("--ignore", type=split, metavar="NAME,...", help="leave these checks out")
    add("--overhead", type=float, metavar="SHARE", help="of the time, for sampled work; 0.01 if not given")
    add("--run-dir", metavar="DIR", help="record the run here; .osler/runs/<time> if not given")
    add("--keep", choices=KEEP, help="in the record besides numbers: the first samples of the data")
    add("--no-store", dest="store", action="store_false", default=None, help="record nothing")
    add("--quiet", action="store_true", default=None, help="print nothing but the script's own output")


def execute(args: Namespace) -> int:
    """Run the script under observation; the exit code to leave with."""
    from osler.engine.catalogue import catalogue
    from osler.report.formats import suffixes
    from osler.report.live import Live
    from osler.report.screen import own_stderr
    from osler.runtime.guard import Guard
    from osler.runtime.script import Target, run_script
    from osler.session import Session

    if (args.script is None) == (args.module is None):
        raise UsageError("no script was given", fix="Name it after the options: osler run train.py")
    require_torch()
    settings = load(folder_of(args), given(args), catalogue(), suffixes())
    root, screen, rank = Path.cwd(), own_stderr(), silent_rank()

    def warn(sentence: str) -> None:
        screen.write(f"osler: {sentence}; training goes on\n")

    live = Live(screen, root)
    speaks = not rank and not settings.quiet and (settings.format == TEXT or settings.output is not None)
    name = f"-m {args.module}" if args.module else args.script
    session = Session(settings, live.announce if speaks else None, warn, plan=plan(settings, name, warn))
    bedside = Bedside(settings, session, screen, live, root, name, sources_of(args), tuple(sys.path), rank)
    gate = Guard(lambda sentence: screen.write(f"osler: {sentence}\n")).gate("the end of the script")
    session.attach(ahead=True)
    if speaks:
        live.start(session.progress)
    try:
        target = Target(args.script, args.module, args.arguments)
        return run_script(target, lambda ending: gate.call(bedside.end, ending))
    except UsageError:  # there was nothing to run
        live.stop()
        session.detach()
        raise


def plan(settings: Settings, script: str, warn: Callable[[str], None]) -> Plan | None:
    """Where the run is recorded, if at all."""
    if not settings.store:
        if settings.keep == SAMPLES:
            warn("samples are kept in the record, and with --no-store there is none")
        return None
    from osler.store.logbook import Plan, chosen

    folder = chosen(settings.run_dir) if settings.run_dir is not None else None
    return Plan(Path.cwd(), folder, script, tuple(sys.argv), warn=warn)


def silent_rank() -> int:
    """The rank of this process if the first of its launch speaks for it, otherwise 0."""
    from osler.report.rank import later_rank

    return later_rank(os.environ)


def require_torch() -> None:
    """Make sure that this Python is the one that trains."""
    from importlib.util import find_spec

    if find_spec("torch") is None:
        raise UsageError(
            f"{sys.executable} has no torch, and Osler runs the script in this Python",
            fix="Install Osler where the script trains: python -m pip install osler",
        )


def sources_of(args: Namespace) -> Sources:
    """The script's source as it is now: people edit their scripts while these train."""
    from osler.report.source import Sources

    sources = Sources()
    if args.script:
        sources.lines(str(Path(args.script).absolute()))
    return sources


def folder_of(args: Namespace) -> Path:
    """Where the search for settings begins."""
    return Path(args.script).parent if args.script else Path.cwd()


def given(args: Namespace) -> dict[str, object]:
    """The options that were given, by the key they have in `[tool.osler]`."""
    values = {key: getattr(args, key.replace("-", "_")) for key in OPTIONS}
    return {key: value for key, value in values.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Bedside:
    """What is needed when the script has ended, gathered before it starts.

    Attributes:
        settings: what the user has asked for.
        session: what watches the script.
        screen: where text goes.
        live: the line to remove.
        root: folder where Osler was started; the script may leave it.
        script: the script as the user called it.
        sources: the user's source lines.
        path: Osler's own search path: the script's folder may hold modules with the names of ours.
        rank: of this process, where the first of a launch speaks for all; 0 if it speaks for itself.
    """

    settings: Settings
    session: Session
    screen: Screen
    live: Live
    root: Path
    script: str
    sources: Sources
    path: tuple[str, ...]
    rank: int = 0

    def end(self, ending: Ending) -> int | None:
        """Report; the exit code if it is to replace that of a script that ended well."""
        from osler.cli import FOUND
        from osler.report import json

        self.live.stop()
        self.session.detach()
        stopped_by = self.session.stopped_by
        ended_by = stopped_by if ending.ended_by == "stopped" else ending.ended_by
        with search_path(self.path):
            files = self.session.sources(
                *([] if self.script.startswith("-m ") else [self.root / self.script])
            )
            diagnosis = self.session.finish(self.script, ending.exit_code, ended_by, ending.crash, files)
            self.show(diagnosis)
            self.session.close(json.render(diagnosis, self.frame()))
            self.save(diagnosis)
        fail_on, worst = self.settings.fail_on, diagnosis.worst
        is_failure = fail_on is not None and worst is not None and worst >= fail_on
        return FOUND if is_failure or ended_by == "stop-on" else None

    def show(self, diagnosis: Diagnosis) -> None:
        """Write what is meant for the screen."""
        from osler.report import rank, terminal

        settings, screen = self.settings, self.screen
        if settings.format != TEXT and settings.output is None:
            screen.write(self.rendered(diagnosis, replace(self.frame(), compact=True)))
        elif self.rank:
            screen.write("" if settings.quiet else rank.line(diagnosis, self.rank, self.root))
        elif not settings.quiet:
            page = terminal.Page(self.root, self.sources, screen.width, screen.has_color)
            screen.write(terminal.render(diagnosis, page))

    def save(self, diagnosis: Diagnosis) -> None:
        """Write the file, once the record that some formats draw is complete; a full disk is only told of."""
        from osler.report.rank import of_rank

        if self.settings.output is None:
            return
        output = of_rank(self.settings.output, self.rank)
        try:
            output.write_text(self.rendered(diagnosis, self.frame()), encoding="utf-8")
        except OSError as error:
            self.screen.write(f"osler: cannot write {output}: {error.strerror}\n")

    def rendered(self, diagnosis: Diagnosis, frame: Frame) -> str:
        """The report in the format that was asked for."""
        from osler.report.formats import formats

        return formats()[self.settings.format].render(diagnosis, frame)

    def frame(self) -> Frame:
        """What a report says around the findings."""
        from osler import __version__
        from osler.report.frame import Frame

        return Frame(__version__, self.root, self.sources)


@contextmanager
def search_path(path: tuple[str, ...]) -> Generator[None]:
    """Import as before the script started; afterwards the path is the script's again."""
    theirs = sys.path[:]
    sys.path[:] = path
    try:
        yield
    finally:
        sys.path[:] = theirs
