"""List recorded runs: those that ended well from what they said themselves, the others judged now."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from osler.engine.stored import examined
from osler.errors import StoreError
from osler.store.digest import REPORT, Digest, causes, digest
from osler.store.locate import runs_in
from osler.store.process import Status, StoredProcess
from osler.store.reader import StoredRun, open_run


def listed(home: Path) -> Iterator[Digest]:
    """Every run directory in a folder; the newest is last.

    Raises:
        StoreError: the folder cannot be read.
    """
    for path in runs_in(home):
        try:
            yield digest(path) or examined_digest(open_run(path))
        except StoreError as error:
            yield Digest(path, problems=(str(error),))


def examined_digest(stored: StoredRun) -> Digest:
    """A run in a few numbers, from all that it has left."""
    diagnosis, process = examined(stored), stored.main
    severities = Counter(g.cause.severity.label for g in diagnosis.groups if not g.cause.suppressed)
    return Digest(
        stored.path,
        process.status,
        process.manifest.script,
        process.manifest.started,
        duration(process),
        diagnosis.subject.steps,
        diagnosis.measures.get("loss"),
        tuple(severities.items()),
        diagnosis.subject.exit_code,
        diagnosis.subject.ended_by,
        len(stored.processes),
        (*stored.problems, *unread_report(process)),
        process.manifest.command,
    )


def duration(process: StoredProcess) -> float | None:
    """Seconds from the first record to the end, to the last sign of life, or until now."""
    if process.ending is not None:
        return process.ending.seconds
    try:
        began = datetime.fromisoformat(process.manifest.started).timestamp()
    except ValueError:
        return None
    until = time.time() if process.status is Status.RECORDING else process.last_written()
    return max(0.0, until - began)


def unread_report(process: StoredProcess) -> Iterator[str]:
    """That the report of a run is there and damaged."""
    report = process.document(REPORT)
    if report is None:
        return
    try:
        causes(report)
    except (ValueError, RecursionError):
        yield f"{process.name}/{REPORT} was left out: it is damaged"
