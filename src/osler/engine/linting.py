"""Read source files and say what is wrong with the training in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from osler.engine.fold import fold
from osler.engine.judge import judge_code
from osler.model import Check, Diagnosis, Finding, Place, Related, Severity, Subject
from osler.static.files import concerned, python_files
from osler.static.notebooks import parse_notebook
from osler.static.project import project
from osler.static.reader import read_code
from osler.static.sources import Source, read
from osler.static.suppressions import Suppression, acknowledged, suppressions, unused

Choice = Callable[[Finding], bool]


def nothing(finding: Finding) -> bool:
    """Leave no finding out."""
    del finding
    return False


@dataclass(frozen=True, slots=True)
class Unread:
    """A file that could not be read.

    Attributes:
        file: its path.
        line: where the problem is, 0 if unknown.
        problem: why, one clause.
    """

    file: str
    line: int
    problem: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What reading some files gave.

    Attributes:
        diagnosis: what was found.
        files: how many files were looked at.
        read: how many of them have to do with training.
        unread: those that could not be read.
        unused: comments that acknowledge what is not there.
        given_up: what was not followed, by reason.
    """

    diagnosis: Diagnosis
    files: int = 0
    read: int = 0
    unread: tuple[Unread, ...] = ()
    unused: tuple[Suppression, ...] = ()
    given_up: Counter[str] = field(default_factory=Counter[str])


def lint(paths: Iterable[Path], checks: Iterable[Check], is_left_out: Choice = nothing) -> Verdict:
    """Read files and folders and evaluate the checks on them.

    Args:
        paths: files and folders.
        checks: what to look for.
        is_left_out: findings that the user does not want in this file.
    """
    return lint_sources([open_source(path) for path in python_files(paths)], checks, is_left_out)


def open_source(path: Path) -> Source:
    """A file of Python, or a notebook, whatever is wrong with it."""
    if path.suffix != ".ipynb":
        return read(path)
    try:
        return parse_notebook(path, path.read_text("utf-8-sig"))
    except (OSError, UnicodeDecodeError, ValueError) as error:
        return Source(path, problem=f"it cannot be read: {error}")


def lint_sources(
    sources: Iterable[Source], checks: Iterable[Check], is_left_out: Choice = nothing
) -> Verdict:
    """Evaluate the checks on files that have been read."""
    every, wanted = list(sources), [c for c in checks if c.code_detector]
    chosen = concerned(every)
    tree = project(chosen)
    by_name = {c.name: c for c in wanted}
    findings: list[Finding] = []
    given_up = Counter[str]()
    for group in tree.groups():
        code = read_code(group, tree)
        given_up.update(code.given_up)
        findings += [f for f in judge_code(code, wanted).findings if not is_left_out(f)]
    comments = suppressions(chosen)
    idle = [s for s in unused(findings, comments) if s.name in by_name]
    marked = acknowledged(findings, comments)
    shown = [as_in_notebook(f, by_name, tree.sources) for f in in_order(marked)]
    diagnosis = Diagnosis(Subject("lint"), fold(shown, by_name), tuple(sorted(by_name)))
    unread = tuple(Unread(s.file, s.line, s.problem) for s in every if s.problem)
    return Verdict(diagnosis, len(every), len(chosen), unread, tuple(idle), given_up)


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """By file and line."""
    return sorted(findings, key=lambda f: (f.place.file, f.place.line, f.check))


def as_in_notebook(finding: Finding, checks: Mapping[str, Check], sources: Mapping[str, Source]) -> Finding:
    """A finding in a notebook names cell and line, and hints where it depends on the order of the cells."""
    source = sources.get(finding.place.file)
    if source is None or not source.cells:
        return finding
    severity = Severity.HINT if checks[finding.check].by_absence else finding.severity
    related = tuple(Related(in_cell(r.place, sources), r.label) for r in finding.related)
    return replace(finding, place=in_cell(finding.place, sources), severity=severity, related=related)


def in_cell(place: Place, sources: Mapping[str, Source]) -> Place:
    """The place as cell and line in it, if it lies in a notebook."""
    source = sources.get(place.file)
    if source is None or not 0 < place.line <= len(source.cells):
        return place
    cell, line = source.cells[place.line - 1]
    return replace(place, cell=cell, line=line)
