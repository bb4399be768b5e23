"""What every plot is given, and what it raises if the run has nothing for it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from osler.engine.context import derive
from osler.engine.verdict import diagnose
from osler.errors import UsageError
from osler.model import Diagnosis, Run
from osler.report.page.curves import Curves, curves
from osler.store.process import StoredProcess
from osler.store.reader import StoredRun


class NothingToPlot(UsageError):
    """The run has no numbers for this plot."""


@dataclass(frozen=True, slots=True)
class Pictured:
    """A recorded run as plots see it.

    Attributes:
        process: the main process.
        run: its evidence, with the context derived.
        curves: its series as the page has them.
        diagnosis: the verdict.
        root: folder that files are named from.
    """

    process: StoredProcess
    run: Run
    curves: Curves
    diagnosis: Diagnosis
    root: Path


def pictured(stored: StoredRun) -> Pictured:
    """Read what plots need."""
    diagnosis = diagnose(stored)
    run = stored.run
    run.context = derive(run)
    return Pictured(stored.main, run, curves(stored.main), diagnosis, Path.cwd())
