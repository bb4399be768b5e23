"""Read source files and say what is wrong with the training in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from osler.engine.baseline import Baseline
from osler.engine.fold import fold, merged
from osler.engine.reading import Part, Result, Unread, read_parts
from osler.model import Check, Diagnosis, Finding, Place, Related, Severity, Subject
from osler.settings import Settings
from osler.static.files import concerned, python_files
from osler.static.notebooks import load_notebook
from osler.static.project import project
from osler.static.sources import Source, load
from osler.static.suppressions import Suppression, acknowledged, suppressions, unused

Choice = Callable[[Finding], bool]


def none(finding: Finding) -> bool:
    """Choose no finding."""
    del finding
    return False


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the user does not want to hear of.

    Attributes:
        is_left_out: findings that are dropped.
        is_intended: findings that are kept as acknowledged; asked in order of file and line.
    """

    is_left_out: Choice = none
    is_intended: Choice = none


NO_WISHES = Wishes()
"""Everything is told."""


def wishes_of(settings: Settings, baseline: Baseline | None = None) -> Wishes:
    """What the settings leave out for some files, what they say is intended, and what a baseline knows."""

    def is_left_out(finding: Finding) -> bool:
        return settings.ignores(finding.place.file, finding.check)

    def is_intended(finding: Finding) -> bool:
        intended = finding.suppressed or settings.intends(finding.place.subject, finding.check)
        return intended or (baseline is not None and baseline.knows(finding))

    return Wishes(is_left_out, is_intended)


class Memory(Protocol):
    """Keeps what reading a part gave."""

    def recall(self, part: Part, checks: Sequence[Check]) -> Result | None:
        """What it gave before, if nothing has changed."""
        ...

    def keep(self, part: Part, checks: Sequence[Check], result: Result) -> None:
        """What it gave now."""
        ...


@dataclass(frozen=True, slots=True)
class Verdict:
    """What reading some files gave.

    Attributes:
        diagnosis: what was found.
        read: how many of the files have to do with training.
        unread: those that could not be read.
        unused: comments that acknowledge what is not there.
        given_up: what was not followed, by reason.
    """

    diagnosis: Diagnosis
    read: int = 0
    unread: tuple[Unread, ...] = ()
    unused: tuple[Suppression, ...] = ()
    given_up: Counter[str] = field(default_factory=Counter[str])

    @property
    def files(self) -> int:
        """How many files were looked at."""
        return self.diagnosis.subject.files


def lint(
    paths: Iterable[Path],
    checks: Iterable[Check],
    wishes: Wishes = NO_WISHES,
    jobs: int = 1,
    memory: Memory | None = None,
) -> Verdict:
    """Read files and folders and evaluate the checks on them.

    Args:
        paths: files and folders.
        checks: what to look for; for more than one process, from the catalogue.
        wishes: what the user does not want to hear of.
        jobs: processes.
        memory: of what the same files gave before.
    """
    sources = [open_source(path) for path in python_files(paths)]
    return lint_sources(sources, checks, wishes, jobs, memory)


def open_source(path: Path) -> Source:
    """A file of Python, or a notebook, whatever is wrong with it."""
    if path.suffix != ".ipynb":
        return load(path)
    try:
        return load_notebook(path, path.read_text("utf-8-sig"))
    except (OSError, UnicodeDecodeError, ValueError) as error:
        return Source(path, problem=f"it cannot be read: {error}")


def lint_sources(
    sources: Iterable[Source],
    checks: Iterable[Check],
    wishes: Wishes = NO_WISHES,
    jobs: int = 1,
    memory: Memory | None = None,
) -> Verdict:
    """Evaluate the checks on files that have been read; the other arguments are those of `lint`."""
    every, wanted = list(sources), [c for c in checks if c.code_detector]
    chosen = concerned(every)
    by_name, by_file = {c.name: c for c in wanted}, {s.file: s for s in chosen}
    results = remembered(parts_of(every, chosen), wanted, jobs, memory)
    told = [f for r in results for f in r.findings if not wishes.is_left_out(f)]
    comments = suppressions(chosen)
    idle = [s for s in unused(told, comments) if s.name in by_name]
    marked = in_order(merged(acknowledged(told, comments)))
    shown = [intended(as_in_notebook(f, by_name, by_file), wishes) for f in marked]
    diagnosis = Diagnosis(Subject("lint", files=len(every)), fold(shown, by_name), tuple(sorted(by_name)))
    unread = sorted((u for r in results for u in r.unread), key=lambda u: (u.file, u.line))
    given_up = sum((Counter(r.given_up) for r in results), Counter[str]())
    return Verdict(diagnosis, len(chosen), tuple(unread), tuple(idle), given_up)


def parts_of(every: Sequence[Source], chosen: Sequence[Source]) -> list[Part]:
    """What can be read independently: groups of files with training in them, and each other file."""
    taken = {id(s) for s in chosen}
    groups = project(chosen).groups()
    return [Part(tuple(group), is_concerned=True) for group in groups] + [
        Part((s,), is_concerned=False) for s in every if id(s) not in taken
    ]


def remembered(
    parts: Sequence[Part], checks: Sequence[Check], jobs: int, memory: Memory | None
) -> list[Result]:
    """Read what is not known yet."""
    if memory is None:
        return read_parts(parts, checks, jobs)
    known = {n: found for n, p in enumerate(parts) if (found := memory.recall(p, checks)) is not None}
    new = [n for n in range(len(parts)) if n not in known]
    for n, result in zip(new, read_parts([parts[n] for n in new], checks, jobs), strict=True):
        memory.keep(parts[n], checks, result)
        known[n] = result
    return [known[n] for n in range(len(parts))]


def intended(finding: Finding, wishes: Wishes) -> Finding:
    """The finding, marked if the user wants exactly that."""
    return replace(finding, suppressed=True) if wishes.is_intended(finding) else finding


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
    span = place.span and replace(place.span, end_line=place.span.end_line - place.line + line)
    return replace(place, cell=cell, line=line, span=span)
