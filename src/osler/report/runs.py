"""A list of runs, as a table and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime

from osler.model import Severity, counted
from osler.report.json import number as json_number
from osler.report.wording import number, printable
from osler.store.digest import Digest

SCHEMA = "osler.runs/1"
HEAD = ("run", "started", "took", "steps", "loss", "findings", "status", "command", "script")
RIGHT = frozenset({"took", "steps", "loss"})
UNKNOWN = "-"

LONG = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
"""Units of a duration and their seconds; two of them are told."""


def as_json(runs: Iterable[Digest]) -> str:
    """All that is known, as one document; numbers that JSON lacks are texts."""
    content = {"schema": SCHEMA, "runs": [described(run) for run in runs]}
    return json.dumps(content, indent=2, ensure_ascii=True, allow_nan=False) + "\n"


def described(run: Digest) -> dict[str, object]:
    """One run. Whatever is unknown is None."""
    counts = dict(run.findings)
    return {
        "id": run.path.name,
        "path": str(run.path),
        "command": run.command if run.status is not None else None,
        "script": run.script or None,
        "started": run.started or None,
        "seconds": json_number(run.seconds),
        "steps": run.steps,
        "loss": json_number(run.loss),
        "findings": {s.label: counts.get(s.label, 0) for s in sorted(Severity, reverse=True)},
        "status": run.status.value if run.status is not None else None,
        "exit_code": run.exit_code,
        "ended_by": run.ended_by or None,
        "processes": run.processes,
        "problems": list(run.problems),
    }


def as_table(runs: Iterable[Digest]) -> str:
    """One line per run whatever the width, so that `grep` finds whole lines."""
    rows = [HEAD, *(row(run) for run in runs)]
    widths = [max(len(cells[i]) for cells in rows) for i in range(len(HEAD))]
    return "".join(f"{line(cells, widths)}\n" for cells in rows)


def line(cells: Sequence[str], widths: Sequence[int]) -> str:
    """Cells side by side, numbers to the right."""
    placed = [
        cell.rjust(width) if name in RIGHT else cell.ljust(width)
        for name, cell, width in zip(HEAD, cells, widths, strict=True)
    ]
    return "  ".join(placed).rstrip()


def row(run: Digest) -> tuple[str, ...]:
    """One run in words."""
    is_known = run.status is not None
    return (
        printable(run.path.name),
        when(run.started),
        UNKNOWN if run.seconds is None else duration(run.seconds),
        str(run.steps) if is_known else UNKNOWN,
        UNKNOWN if run.loss is None else number(run.loss),
        findings(run) if is_known else UNKNOWN,
        status(run),
        printable(run.command) if is_known else UNKNOWN,
        printable(run.script) or UNKNOWN,
    )


def when(started: str) -> str:
    """The time in the reader's own zone."""
    try:
        return f"{datetime.fromisoformat(started).astimezone():%Y-%m-%d %H:%M}"
    except (ValueError, OverflowError):
        return UNKNOWN


def duration(seconds: float) -> str:
    """A duration in at most two units: ``4.2 s``, ``3 min 20 s``, ``2 h 5 min``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    rest, parts = int(seconds), list[str]()
    for unit, size in LONG:
        amount, rest = divmod(rest, size)
        if parts or amount:
            parts.append(f"{amount} {unit}")
    return " ".join(parts[:2])


def findings(run: Digest) -> str:
    """How many errors and warnings; hints are left to the report."""
    counts = dict(run.findings)
    told = [
        counted(counts[s.label], s.label) for s in (Severity.ERROR, Severity.WARNING) if counts.get(s.label)
    ]
    return ", ".join(told) or UNKNOWN


def status(run: Digest) -> str:
    """How far it got, and how it ended if not by itself."""
    if run.status is None:
        return "cannot be read"
    code = f"exit code {run.exit_code}" if run.exit_code else ""
    is_told = run.ended_by in ("", "sys.exit", "kill", "running")
    how = code if is_told else printable(run.ended_by)
    return f"{run.status.value}, {how}" if how else run.status.value


def unread(runs: Iterable[Digest]) -> str:
    """What could not be read, one line each."""
    told = ((run.path.name, problem) for run in runs for problem in run.problems)
    return "".join(f"osler: not read: {printable(name)}: {printable(problem)}\n" for name, problem in told)
