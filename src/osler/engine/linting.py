"""Read source files and say what is wrong with the training in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from osler.engine.fold import fold
from osler.engine.judge import judge_code
from osler.model import Check, Diagnosis, Finding, Subject
from osler.static.files import concerned, python_files
from osler.static.project import project
from osler.static.reader import read_code
from osler.static.sources import Source, read


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
        given_up: what was not followed, by reason.
    """

    diagnosis: Diagnosis
    files: int = 0
    read: int = 0
    unread: tuple[Unread, ...] = ()
    given_up: Counter[str] = field(default_factory=Counter[str])


def lint(paths: Iterable[Path], checks: Iterable[Check]) -> Verdict:
    """Read files and folders and evaluate the checks on them."""
    return lint_sources([read(path) for path in python_files(paths)], checks)


def lint_sources(sources: Iterable[Source], checks: Iterable[Check]) -> Verdict:
    """Evaluate the checks on files that have been read."""
    every, wanted = list(sources), [c for c in checks if c.code_detector]
    chosen = concerned(every)
    tree = project(chosen)
    findings: list[Finding] = []
    given_up = Counter[str]()
    for group in tree.groups():
        code = read_code(group, tree)
        given_up.update(code.given_up)
        findings += judge_code(code, wanted).findings
    by_name = {c.name: c for c in wanted}
    diagnosis = Diagnosis(Subject("lint"), fold(in_order(findings), by_name), tuple(sorted(by_name)))
    unread = tuple(Unread(s.file, s.line, s.problem) for s in every if s.problem)
    return Verdict(diagnosis, len(every), len(chosen), unread, given_up)


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """By file and line."""
    return sorted(findings, key=lambda f: (f.place.file, f.place.line, f.check))
