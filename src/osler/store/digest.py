"""A recorded run in a few numbers, from its end alone: hundreds of runs are listed in a second."""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from osler.errors import StoreError
from osler.store.codec import Damaged, decode
from osler.store.layout import FACTS, MANIFEST, open_inside, process_folders, read_inside
from osler.store.layout import SCHEMA as LATEST
from osler.store.lines import from_line
from osler.store.manifest import from_json
from osler.store.process import Status
from osler.store.records import Ending, Standing

REPORT = "report.json"
SCHEMA = "osler.report/1"

TAIL = 1 << 14
"""Bytes at the end of the facts that hold how a run ended."""

END, STANDING = "end", "standing"
"""The line and the note that are looked for there."""


Counts = tuple[tuple[str, int], ...]
"""Labels of severities, each with a number of findings."""


@dataclass(frozen=True, slots=True)
class Digest:
    """One run in a list of runs.

    Attributes:
        path: of the run directory.
        status: whether it ended, was cut short, or goes on; None if it cannot be read.
        script: path of the user's script, or ``-m`` and the module.
        started: UTC time, ISO 8601; empty if unknown.
        seconds: from the first record to the last, None if unknown.
        steps: optimizer steps.
        loss: the last loss, None if none was recorded.
        findings: causes that are not acknowledged, by the label of their severity.
        exit_code: of the script, None if it was killed or goes on.
        ended_by: as in `Subject`.
        processes: how many recorded.
        problems: what could not be read, one sentence each.
        command: the Osler command that recorded it.
    """

    path: Path
    status: Status | None = None
    script: str = ""
    started: str = ""
    seconds: float | None = None
    steps: int = 0
    loss: float | None = None
    findings: Counts = ()
    exit_code: int | None = None
    ended_by: str = ""
    processes: int = 0
    problems: tuple[str, ...] = ()
    command: str = "run"


@dataclass(frozen=True, slots=True)
class Caused:
    """A diagnosis in a stored report: the position of its cause."""

    cause: int


@dataclass(frozen=True, slots=True)
class Found:
    """A finding in a stored report, as far as it is counted."""

    severity: str
    suppressed: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """A stored report, as far as it is counted."""

    schema: str
    diagnoses: tuple[Caused, ...]
    findings: tuple[Found, ...]


def digest(path: Path) -> Digest | None:
    """A run that ended by itself, as it said at its end; None if somebody has to look closer.

    Raises:
        StoreError: it is no run directory.
    """
    names = processes_of(path)
    folder = path / names[0]
    try:
        manifest = from_json(read_inside(folder, MANIFEST).decode("utf-8", "replace"))
        said = last_words(folder)
        ending, standing = decode(Ending, said.get(END)), decode(Standing, said.get(STANDING))
        findings = causes(read_inside(folder, REPORT))
    except (OSError, ValueError, RecursionError):
        return None
    if manifest.schema > LATEST:
        return None
    return Digest(
        path,
        Status.COMPLETE,
        manifest.script,
        manifest.started,
        ending.seconds,
        standing.steps,
        standing.loss,
        findings,
        ending.exit_code,
        ending.ended_by,
        len(names),
        command=manifest.command,
    )


def processes_of(path: Path) -> list[str]:
    """Names of the folders of processes, at least one.

    Raises:
        StoreError: there is none.
    """
    try:
        names = [name for name, is_folder in process_folders(path) if is_folder]
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror}") from error
    if not names:
        raise StoreError(f"{path} holds no recorded run")
    return names


def causes(report: str | bytes) -> Counts:
    """How many causes of each severity a stored report tells of, acknowledged ones left out.

    Raises:
        ValueError: it is damaged, or no report.
    """
    told = decode(Report, json.loads(report))
    if told.schema != SCHEMA or any(not 0 <= g.cause < len(told.findings) for g in told.diagnoses):
        raise Damaged("not a report")
    findings = (told.findings[group.cause] for group in told.diagnoses)
    return tuple(Counter(f.severity for f in findings if not f.suppressed).items())


def last_words(folder: Path) -> dict[str, object]:
    """How a process ended and where training stood, as far as it said so.

    Raises:
        OSError: the file cannot be read.
    """
    with os.fdopen(open_inside(folder, FACTS), "rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL))
        tail = file.read().splitlines()
    said: dict[str, object] = {}
    for raw in reversed(tail):
        if line := from_line(raw):
            said.setdefault(str(line.get("kind", line.get("t"))), line.get("value"))
        if said.keys() >= {END, STANDING}:
            break
    return said
