"""Read training code and find mistakes before anything runs."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from osler.cli import split
from osler.errors import UsageError
from osler.settings import FAIL_ON, TEXT

if TYPE_CHECKING:
    from osler.cli import Parser
    from osler.engine.linting import Verdict
    from osler.model import Finding
    from osler.settings import Settings

USAGE = "osler lint [options] [PATHS]"
EPILOG = "Exit code: 0 nothing at or above --fail-on, 1 something, 2 a file could not be read or wrong usage."
OPTIONS = ("format", "output", "fail-on", "select", "ignore")


def configure(parser: Parser) -> None:
    """Declare the arguments."""
    parser.usage, parser.epilog = USAGE, EPILOG
    add = parser.add_argument
    add("paths", nargs="*", metavar="PATHS", help="files and folders; the current folder if none is given")
    add("--format", metavar="FORMAT", help="of the report; see `osler run --help`")
    add("--output", metavar="FILE", help="write the report to this file instead of stdout")
    add("--fail-on", choices=FAIL_ON, help="exit with 1 if this was found; warning if not given")
    add("--exit-zero", action="store_true", help="exit with 0 whatever is found")
    add("--stdin-filename", metavar="FILE", help="read from stdin what an editor holds of this file")
    add("--select", type=split, metavar="NAME,...", help="evaluate only these checks")
    add("--ignore", type=split, metavar="NAME,...", help="leave these checks out")
    add(
        "--statistics", action="store_true", help="add how often each check speaks, and what was not followed"
    )


def execute(args: Namespace) -> int:
    """Read, report; the exit code."""
    from osler.cli import COULD_NOT_RUN, FAILED, OK
    from osler.engine.catalogue import catalogue, selected
    from osler.engine.linting import lint, lint_sources
    from osler.report.formats import suffixes
    from osler.settings import load
    from osler.static.sources import parse

    paths = [Path(args.stdin_filename)] if args.stdin_filename else [Path(p) for p in args.paths or ["."]]
    for path in paths:
        if not (path.exists() or args.stdin_filename):
            raise UsageError(f"there is no file or folder '{path}'", fix="Name files or folders to read.")
    given = {k: v for k in OPTIONS if (v := getattr(args, k.replace("-", "_"))) is not None}
    folder = paths[0] if paths[0].is_dir() else paths[0].parent
    settings = load(folder, {"fail-on": "warning"} | given, catalogue(), suffixes())
    checks = selected(settings.select, settings.ignore)

    def is_left_out(finding: Finding) -> bool:
        return settings.ignores(finding.place.file, finding.check)

    if args.stdin_filename:
        source = parse(paths[0].absolute(), sys.stdin.buffer.read())
        verdict = lint_sources([source], checks, is_left_out)
    else:
        verdict = lint(paths, checks, is_left_out)
    publish(verdict, settings, statistics=args.statistics)
    worst = verdict.diagnosis.worst
    failed = settings.fail_on is not None and worst is not None and worst >= settings.fail_on
    if args.exit_zero:
        return OK
    return COULD_NOT_RUN if verdict.unread else FAILED if failed else OK


def publish(verdict: Verdict, settings: Settings, *, statistics: bool) -> None:
    """Write the report where it was asked for."""
    from osler import __version__
    from osler.report import listing
    from osler.report.formats import formats
    from osler.report.frame import Frame
    from osler.report.screen import own_stdout
    from osler.report.source import Sources
    from osler.report.terminal import Page

    root, sources = Path.cwd(), Sources()
    unread = tuple((u.file, u.line, u.problem) for u in verdict.unread)
    unused = tuple((u.file, u.line, u.name) for u in verdict.unused)
    screen = own_stdout()
    if settings.format != TEXT:
        text = formats()[settings.format].render(verdict.diagnosis, Frame(__version__, root, sources))
    else:
        page = Page(root, sources, screen.width, screen.has_color and settings.output is None)
        text = listing.render(verdict.diagnosis, page, listing.Extent(verdict.files, unread, unused))
        text += listing.statistics(verdict.diagnosis, verdict.given_up) if statistics else ""
    if settings.output is None:
        screen.write(text)
    else:
        settings.output.write_text(text, encoding="utf-8")
