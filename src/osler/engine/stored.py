"""Judge a recorded run as the live one was judged, with the same checks on the same evidence."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from osler.engine.agreement import Reading
from osler.engine.catalogue import catalogue
from osler.engine.diagnose import Outcome, Terms, diagnose
from osler.model import Cost, Diagnosis
from osler.store.answers import setup_of
from osler.store.codec import Damaged, decode
from osler.store.process import Status, StoredProcess
from osler.store.reader import StoredRun

KILLED = "kill"
"""How a run ended that did not say how."""

RUNNING = "running"
"""How a run has ended that goes on."""

Kept = TypeVar("Kept")


def examined(stored: StoredRun, terms: Terms | None = None) -> Diagnosis:
    """The diagnosis of the main process of a run directory.

    Args:
        stored: the run directory.
        terms: what the user wants to hear of now; as when it was recorded if not given.
    """
    process = stored.main
    run = process.run
    run.ended = process.status is not Status.RECORDING
    run.cut |= run.ended and process.ending is None
    terms = terms or recorded_terms(stored)
    cost = latest(process, "cost", Cost) or Cost()
    exit_code = process.ending.exit_code if process.ending is not None else None
    outcome = Outcome(exit_code, how_it_ended(process), cost, str(stored.path))
    reading = latest(process, "reading", Reading) or Reading()
    diagnosis = diagnose(run, terms, outcome, reading=reading, setup=setup_of(process.notes))
    blind = (*diagnosis.coverage.blind, *(f"the record: {problem}" for problem in stored.problems))
    return replace(
        diagnosis,
        subject=replace(diagnosis.subject, command=process.manifest.command),
        coverage=replace(diagnosis.coverage, blind=blind),
    )


def recorded_terms(stored: StoredRun) -> Terms:
    """What the user wanted to hear of when the run was recorded; checks that are no more are left out."""
    terms = latest(stored.main, "terms", Terms) or Terms(stored.manifest.script)
    select, ignore = (tuple(n for n in names if n in catalogue()) for names in (terms.select, terms.ignore))
    return replace(terms, select=select, ignore=ignore)


def how_it_ended(process: StoredProcess) -> str:
    """As in `Subject.ended_by`, for a process that may have been killed or may go on."""
    if process.ending is not None:
        return process.ending.ended_by
    return RUNNING if process.status is Status.RECORDING else KILLED


def latest(process: StoredProcess, kind: str, expected: type[Kept]) -> Kept | None:
    """The content of the newest note of a kind; None if there is none or it is damaged."""
    for note in reversed(process.notes):
        if note.kind == kind:
            try:
                return decode(expected, note.value)
            except (Damaged, KeyError):
                continue
    return None
