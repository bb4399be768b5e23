"""Read training code and find mistakes before anything runs."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from osler.cli import split, tell
from osler.errors import UsageError
from osler.settings import FAIL_ON, TEXT

if TYPE_CHECKING:
    from osler.cli import Parser
    from osler.engine.baseline import Baseline
    from osler.engine.fixing import Mended
    from osler.engine.linting import Verdict
    from osler.model import Diagnosis
    from osler.report.frame import Frame
    from osler.report.listing import Extent
    from osler.settings import Settings
    from osler.static.sources import Source

USAGE = "osler lint [options] [PATHS]"
EPILOG = "Exit code: 0 nothing at or above --fail-on, 1 something, 2 a file could not be read or wrong usage."
FILE = "osler-baseline.json"
"""The baseline if no other is named."""

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
    add("--jobs", type=number_of_jobs, default=1, metavar="N", help="processes; 0 means one for each core")
    add("--no-cache", dest="cache", action="store_false", help="read every file anew")
    add("--baseline", metavar="FILE", help="findings to pass over; osler-baseline.json if it is here")
    add("--diff", action="store_true", help="show the edits that --fix would make, and make none")
    add(
        "--fix",
        action="store_true",
        help="edit what can be mended without changing any number of the training",
    )
    add("--unsafe-fixes", action="store_true", help="with --fix or --diff: also what changes the training")
    add("--add-baseline", action="store_true", help="write what is found now to the baseline")


def number_of_jobs(text: str) -> int:
    """How many processes; argparse turns a `ValueError` into a complaint."""
    jobs = int(text)
    if jobs < 0:
        raise ValueError(text)
    return jobs or os.cpu_count() or 1


number_of_jobs.__name__ = "number of processes"  # argparse shows it: invalid number of processes value


def execute(args: Namespace) -> int:
    """Read, report; the exit code."""
    from osler.cli import COULD_NOT_RUN, FAILED, OK

    settings, frame = settings_of(args), frame_here()
    baseline = None if args.add_baseline else known_findings(args.baseline, frame)
    sources = sources_of(args)
    verdict = read(args, settings, baseline, sources)
    if args.diff or args.fix:
        mended = mend_all(args, settings, verdict, sources)
        if args.diff or args.stdin_filename:
            show(mended, frame, None if args.diff else sources[0])
            return FAILED if args.diff and mended.texts and not args.exit_zero else OK
        write_all(mended, frame)
        baseline = known_findings(args.baseline, frame_here())
        verdict = read(args, settings, baseline, sources_of(args))
    if args.add_baseline:
        write_baseline(Path(args.baseline or FILE), verdict.diagnosis, frame)
        return COULD_NOT_RUN if verdict.unread else OK
    publish(verdict, settings, frame, page_of(verdict, args, baseline))
    worst = verdict.diagnosis.worst
    failed = settings.fail_on is not None and worst is not None and worst >= settings.fail_on
    if args.exit_zero:
        return OK
    return COULD_NOT_RUN if verdict.unread else FAILED if failed else OK


def paths_of(args: Namespace) -> list[Path]:
    """What to read.

    Raises:
        UsageError: it does not exist.
    """
    if args.stdin_filename:
        return [Path(args.stdin_filename)]
    if args.unsafe_fixes and not (args.fix or args.diff):
        raise UsageError("--unsafe-fixes says which edits are meant", fix="Add `--diff` or `--fix`.")
    paths = [Path(p) for p in args.paths or ["."]]
    for path in paths:
        if not path.exists():
            raise UsageError(f"there is no file or folder '{path}'", fix="Name files or folders to read.")
    return paths


def settings_of(args: Namespace) -> Settings:
    """The settings of the folder that is read, overruled by the options."""
    from osler.engine.catalogue import catalogue
    from osler.model import Severity
    from osler.report.formats import suffixes
    from osler.settings import Settings, load

    given = {k: v for k in OPTIONS if (v := getattr(args, k.replace("-", "_"))) is not None}
    first = paths_of(args)[0]
    folder = first if first.is_dir() else first.parent
    return load(folder, given, catalogue(), suffixes(), Settings(fail_on=Severity.WARNING))


def frame_here() -> Frame:
    """What a report says around the findings."""
    from osler import __version__
    from osler.report.frame import Frame
    from osler.report.source import Sources

    return Frame(__version__, Path.cwd(), Sources())


def known_findings(named: str | None, frame: Frame) -> Baseline | None:
    """The baseline that was named, or that is here."""
    from osler.engine.baseline import open_baseline
    from osler.report.json import fingerprint

    if named is None and not Path(FILE).is_file():
        return None
    return open_baseline(Path(named or FILE), lambda finding: fingerprint(finding, frame))


def write_baseline(file: Path, diagnosis: Diagnosis, frame: Frame) -> None:
    """Write down everything that is found now and not acknowledged."""
    from osler.engine.baseline import written
    from osler.model import counted
    from osler.report.json import fingerprint

    found = [f for f in diagnosis.findings if not f.suppressed]
    text = written(found, lambda finding: fingerprint(finding, frame), frame.root)
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {file}: {error.strerror}") from error
    tell(f"osler: {counted(len(found), 'finding')} written to {file}\n")


def sources_of(args: Namespace) -> list[Source]:
    """The files, or what an editor holds of one."""
    from osler.engine.linting import open_source
    from osler.static.files import python_files
    from osler.static.sources import decoded

    paths = paths_of(args)
    if args.stdin_filename:
        return [decoded(paths[0].absolute(), sys.stdin.buffer.read())]
    return [open_source(path) for path in python_files(paths)]


def read(
    args: Namespace, settings: Settings, baseline: Baseline | None, sources: Sequence[Source]
) -> Verdict:
    """What is wrong with the files."""
    from osler import __version__
    from osler.engine.cache import open_cache
    from osler.engine.catalogue import selected
    from osler.engine.linting import lint_sources, wishes_of

    checks, wishes = selected(settings.select, settings.ignore), wishes_of(settings, baseline)
    cache = open_cache(Path.cwd(), __version__) if args.cache and not args.stdin_filename else None
    verdict = lint_sources(sources, checks, wishes, args.jobs, cache)
    if cache is not None:
        cache.save()
    return replace(verdict, diagnosis=named(verdict.diagnosis, args.paths or ["."]))


def mend_all(args: Namespace, settings: Settings, verdict: Verdict, sources: Sequence[Source]) -> Mended:
    """Edit away what was found."""
    from osler.engine.catalogue import selected
    from osler.engine.fixing import mend
    from osler.engine.linting import parts_of
    from osler.static.files import concerned

    checks = [c for c in selected(settings.select, settings.ignore) if c.code_detector]
    parts = parts_of(sources, concerned(sources))
    return mend(parts, checks, verdict.diagnosis.findings, unsafe=args.unsafe_fixes)


def show(mended: Mended, frame: Frame, held: Source | None) -> None:
    """The edits as a diff, or the new text of the file that an editor holds."""
    from osler.report.listing import difference, outcome
    from osler.report.screen import own_stdout

    texts = [(file, mended.before[file], mended.texts[file]) for file in sorted(mended.texts)]
    edits = "".join(difference(*t, frame.root) for t in texts)
    own_stdout().write(edits if held is None else mended.texts.get(held.file, held.text))
    tell(f"osler: {outcome(mended.fixed, mended.unsafe, is_done=held is not None)}\n")


def write_all(mended: Mended, frame: Frame) -> None:
    """Write the files that were mended."""
    from osler.engine.fixing import write
    from osler.report.listing import outcome
    from osler.report.wording import printable, relative

    for file, text in sorted(mended.texts.items()):
        if reason := write(Path(file), mended.before[file], text):
            tell(f"osler: {printable(relative(file, frame.root))} is left as it was: {reason}\n")
    tell(f"osler: {outcome(mended.fixed, mended.unsafe, is_done=True)}\n")


def named(diagnosis: Diagnosis, paths: list[str]) -> Diagnosis:
    """The diagnosis with what was read as the user called it."""
    return replace(diagnosis, subject=replace(diagnosis.subject, script=" ".join(paths)))


def publish(verdict: Verdict, settings: Settings, frame: Frame, extent: Extent) -> None:
    """Write the report where it was asked for."""
    from osler.report import listing
    from osler.report.formats import formats
    from osler.report.screen import own_stdout
    from osler.report.terminal import Page

    screen = own_stdout()
    if settings.format != TEXT:
        text = formats()[settings.format].render(
            listing.with_extent(verdict.diagnosis, extent, frame.root), frame
        )
    else:
        page = Page(frame.root, frame.sources, screen.width, screen.has_color and settings.output is None)
        text = listing.render(verdict.diagnosis, page, extent)
    if settings.output is None:
        screen.write(text)
    else:
        settings.output.write_text(text, encoding="utf-8")


def page_of(verdict: Verdict, args: Namespace, baseline: Baseline | None) -> Extent:
    """What is said beside the findings."""
    from osler.report.listing import Extent

    return Extent(
        tuple((u.file, u.line, u.problem) for u in verdict.unread),
        tuple((u.file, u.line, u.name) for u in verdict.unused),
        baseline.outdated if baseline else 0,
        verdict.given_up if args.statistics else None,
    )
