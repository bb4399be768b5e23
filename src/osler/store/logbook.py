"""The run directory of one watched program: begun with its first turn, fed until its end."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from time import monotonic

from osler.errors import StoreError
from osler.model import NOTHING_ASKED, Column, Cost, Finding, Histogram, Measure, Run, Setup
from osler.store import manifest
from osler.store.answers import notes_of
from osler.store.codec import encode
from osler.store.facts import FactWriter, snapshot
from osler.store.git import asked
from osler.store.launch import launch_of
from osler.store.layout import PRIMARY, new_run, process_folder
from osler.store.lines import to_line
from osler.store.recorder import NOTES, Options, Recorder, plainly
from osler.store.records import Ending, Series, Standing

EVERY = 1_000_000_000
"""Nanoseconds between two looks at the facts."""

SOONER = 100_000_000
"""Nanoseconds after which facts are looked at if something new was seen."""

EARLY = 64
"""Histograms from before the first turn that are kept."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is recorded where.

    Attributes:
        root: folder below which ``.osler/runs`` lies.
        folder: the run directory itself, if the user has chosen one.
        script: path of the user's script, or ``-m`` and the module.
        argv: the command line as typed.
        versions: of osler and torch.
        terms: what the user wants to hear of; a frozen dataclass.
        measures: what is known about measures by name.
        warn: called once with a sentence if recording has to stop.
        contain: runs the recorder's work so that a fault of ours stays ours.
        command: the Osler command.
        at_end: nothing is written before the end, because until then writing is fenced off.
    """

    root: Path
    folder: Path | None = None
    script: str = ""
    argv: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict[str, str])
    terms: object = None
    measures: Mapping[str, Measure] = field(default_factory=dict[str, Measure])
    warn: Callable[[str], None] = print
    contain: Callable[[Callable[[], None]], object] = plainly
    command: str = "run"
    at_end: bool = False


def chosen(folder: Path) -> Path:
    """Make the run directory that the user has chosen.

    Raises:
        StoreError: it cannot be made, or it holds a run already.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"cannot make {folder}: {error.strerror}", fix="Choose another place.") from error
    if not os.access(folder, os.W_OK):
        raise StoreError(f"cannot write to {folder}", fix="Choose another place with `--run-dir`.")
    if (folder / PRIMARY).exists() and "RANK" not in os.environ:
        raise StoreError(f"{folder} holds a run already", fix="Choose an empty folder, or one to be made.")
    return folder


class Logbook:
    """Records one program; a program that never trains leaves nothing.

    Args:
        plan: what is recorded where.

    Attributes:
        path: the run directory, once there is one.
    """

    def __init__(self, plan: Plan) -> None:
        import_module("osler.store.arrow").prepare()  # all that takes long the first time, before training
        FactWriter().lines(snapshot(Run()))
        to_line({"value": encode(Series("", ""))})
        self.path: Path | None = None
        self._plan = plan
        known = manifest.begin(list(plan.argv), plan.script, plan.versions, os.environ)
        self._known = replace(known, command=plan.command)
        self._began = monotonic()
        self._recorder: Recorder | None = None
        self._failed = False
        self._looked = 0
        self._early: deque[tuple[str, int, Histogram]] = deque(maxlen=NOTES if plan.at_end else EARLY)
        self._process = os.getpid()
        self._git = asked(Path(plan.script).absolute().parent if plan.script[:3] != "-m " else plan.root)

    @property
    def failure(self) -> str:
        """Why recording stopped; empty as long as it has not."""
        return self._recorder.failure if self._recorder is not None else ""

    @property
    def seconds(self) -> float:
        """CPU time of the recorder's thread."""
        return self._recorder.seconds if self._recorder is not None else 0.0

    def turn(self, run: Run, now: int, *, changed: bool) -> None:
        """A turn of the loop is over.

        Args:
            run: the evidence so far.
            now: nanoseconds of the same clock each time.
            changed: something was seen for the first time.
        """
        if self._plan.at_end:
            return
        if now - self._looked < (SOONER if changed else EVERY) and self._recorder is not None:
            return
        self._looked = now
        recorder = self._recorder or self._begin(run)
        if recorder is not None:
            recorder.put(run)

    def column(self, name: str, column: Column) -> None:
        """A new series."""
        if self._recorder is not None:
            self._recorder.watch(name, column)

    def histogram(self, name: str, step: int, counts: Histogram) -> None:
        """The sizes of one tensor's numbers."""
        if self._recorder is not None:
            self._recorder.histogram(name, step, counts)
        else:
            self._early.append((name, step, counts))

    def finding(self, found: Finding, run: Run) -> None:
        """A finding is certain: it and the evidence for it must survive whatever comes next."""
        if self._recorder is not None:
            self._recorder.put(run)
            self._recorder.note("finding", found)
            self._recorder.flush(wait=False)

    def end(self, run: Run, cost: Cost, reading: object = None, setup: Setup = NOTHING_ASKED) -> None:
        """The program has ended: its last facts, what watching it cost, and what else is known of it.

        Args:
            run: the evidence.
            cost: Osler's own time.
            reading: of the source, a frozen dataclass; None if it was not read.
            setup: what experiments have shown, if any were made.
        """
        recorder = self._recorder
        if recorder is None and (run.turns or run.patterns or setup.answers):
            recorder = self._begin(run)
        if recorder is not None:
            recorder.put(run)
            recorder.note("cost", cost)
            if reading is not None:
                recorder.note("reading", reading)
            for kind, content in notes_of(setup):
                recorder.note(kind, content)
            loss = run.columns.get("loss")
            recorder.note("standing", Standing(run.steps, loss.last if loss is not None else None))

    def close(self, ending: Ending, report: str) -> None:
        """Write the report, and how it ended."""
        if self._recorder is not None:
            self._recorder.document("report.json", report)
            self._recorder.close(ending)
        elif self._git is not None and os.getpid() == self._process:
            self._git.hurry()

    def _begin(self, run: Run) -> Recorder | None:
        if self._failed or os.getpid() != self._process:
            return None
        plan = self._plan
        try:
            path = plan.folder or new_run(plan.root, launch_of(os.environ))
            folder = process_folder(path, manifest.number(os.environ.get("RANK"), 0))
        except (StoreError, OSError) as error:
            self._failed = True
            plan.warn(f"nothing is recorded: {error}")
            return None
        options = Options(
            describe=self._describe,
            warn=plan.warn,
            git=self._git,
            contain=plan.contain,
            began=self._began if plan.at_end else None,
        )
        known = manifest.with_variables(self._known, os.environ)  # the script may have set some
        self.path, self._recorder = path, Recorder(folder, known, options)
        self._recorder.start()
        self._recorder.note("terms", plan.terms)
        for name, column in list(run.columns.items()):
            self._recorder.watch(name, column)
        for entry in self._early:
            self._recorder.histogram(*entry)
        return self._recorder

    def _describe(self, key: str) -> Series:
        """What a series is about, from its key."""
        name, _, subject = key.partition(":")
        known = self._plan.measures.get(name)
        if known is None:
            return Series(key, name, subject, title="logged by the user")
        return Series(key, name, subject, known.unit, known.title)
