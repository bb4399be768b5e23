"""Read one part of a tree: the smallest set of files that can be understood by itself."""

from __future__ import annotations

import gc
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from osler.engine.catalogue import catalogue
from osler.engine.judge import judge_code
from osler.model import Check, Finding
from osler.static.project import project
from osler.static.reader import read_code
from osler.static.shelf import Shelf
from osler.static.sources import Source, parsed

BATCH = 8
"""Parts handed to another process at a time."""


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
class Part:
    """Files that import each other, directly or not.

    Attributes:
        sources: in order of path, parsed or not.
        is_concerned: they can have to do with training; otherwise it only matters whether they can be parsed.
    """

    sources: tuple[Source, ...]
    is_concerned: bool

    @property
    def size(self) -> int:
        """Characters."""
        return sum(len(s.text) for s in self.sources)


@dataclass(frozen=True, slots=True)
class Result:
    """What reading a part gave, before anybody's wishes.

    Attributes:
        findings: of the code detectors.
        unread: files that could not be read or parsed.
        given_up: what was not followed, by reason.
    """

    findings: tuple[Finding, ...] = ()
    unread: tuple[Unread, ...] = ()
    given_up: dict[str, int] = field(default_factory=dict[str, int])


def read_part(part: Part, checks: Iterable[Check]) -> Result:
    """Parse the files of a part and evaluate the checks on them; the trees are not kept."""
    with collecting_afterwards():
        return _read(part, checks)


@contextmanager
def collecting_afterwards() -> Generator[None]:
    """Look for garbage once, at the end: while a part is read nearly everything that is made stays in use."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.collect(0)
        if was_enabled:
            gc.enable()


def _read(part: Part, checks: Iterable[Check]) -> Result:
    shelf = Shelf()
    sources = [placed(replace(s), shelf) for s in part.sources]
    if not part.is_concerned:
        return Result(unread=tuple(unread(parsed(s) for s in sources)))
    code = read_code(sources, project(sources))
    return Result(judge_code(code, checks).findings, tuple(unread(sources)), dict(code.given_up))


def placed(source: Source, shelf: Shelf) -> Source:
    """The source, its tree to be put on this shelf."""
    source.shelf = shelf
    return source


def unread(sources: Iterable[Source]) -> Iterator[Unread]:
    """Files that could not be parsed."""
    return (Unread(s.file, s.line, s.problem) for s in sources if s.problem)


def read_parts(parts: Sequence[Part], checks: Sequence[Check], jobs: int = 1) -> list[Result]:
    """Read every part, in this process or in several; the results come in the order of the parts.

    Args:
        parts: what to read.
        checks: what to look for; for more than one process, from the catalogue.
        jobs: processes.
    """
    if jobs == 1 or len(parts) < 2:
        return [read_part(part, checks) for part in parts]
    from concurrent.futures import ProcessPoolExecutor  # a twentieth of a second that one file does not need

    largest_first = sorted(range(len(parts)), key=lambda n: parts[n].size, reverse=True)
    names = tuple(c.name for c in checks)
    results: list[Result] = [Result()] * len(parts)
    with ProcessPoolExecutor(min(jobs, len(parts))) as pool:
        tasks = [(parts[n], names) for n in largest_first]
        for n, result in zip(largest_first, pool.map(_read_by_name, tasks, chunksize=BATCH), strict=True):
            results[n] = result
    return results


def _read_by_name(task: tuple[Part, tuple[str, ...]]) -> Result:
    """Checks hold functions, which cannot be sent to another process: it looks them up."""
    part, names = task
    known = catalogue()
    return read_part(part, [known[name] for name in names])
