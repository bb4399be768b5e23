"""What is no longer as it was when a run was recorded, or was not judged: said beside its findings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from osler.model import Diagnosis, counted
from osler.report.wording import relative
from osler.store.reader import StoredRun

PRECISION = 1.0
"""Seconds to which the beginning of a run is known."""


def with_doubts(diagnosis: Diagnosis, stored: StoredRun, root: Path) -> Diagnosis:
    """The diagnosis of a stored run with what a reader of today must know.

    Args:
        diagnosis: of the run.
        stored: the run.
        root: folder that paths are shown from.
    """
    doubts = (*other_processes(stored), *sources(diagnosis, stored.manifest.started, root))
    blind = (*diagnosis.coverage.blind, *doubts)
    return replace(diagnosis, coverage=replace(diagnosis.coverage, blind=blind))


def other_processes(stored: StoredRun) -> Iterator[str]:
    """That only one process is judged."""
    if more := len(stored.processes) - 1:
        yield f"{counted(more, 'more process', 'more processes')} of this run: {stored.main.name} is judged"


def sources(diagnosis: Diagnosis, started: str, root: Path) -> Iterator[str]:
    """Files whose lines are shown and that are not what the run saw."""
    try:
        began = datetime.fromisoformat(started).timestamp()
    except ValueError:
        return
    for file in named(diagnosis):
        try:
            changed = Path(file).stat().st_mtime
        except OSError:
            yield f"the source of {relative(file, root)}: the file is not there"
            continue
        if changed >= began + PRECISION:
            yield f"{relative(file, root)} as it was run: it has changed since, and its lines may have moved"


def named(diagnosis: Diagnosis) -> list[str]:
    """Files of the findings that are shown, in their order; notebook cells are none."""
    shown = [f for g in diagnosis.groups if not g.cause.suppressed for f in g.findings]
    places = [place for f in shown for place in (f.place, *(r.place for r in f.related))]
    return list(dict.fromkeys(p.file for p in places if Path(p.file).is_absolute()))
