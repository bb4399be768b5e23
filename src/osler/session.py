"""Watch one program from attaching to the verdict: the wiring of watcher, checks and diagnosis."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic, time
from types import TracebackType
from typing import TYPE_CHECKING

from osler.engine.agreement import Reading, read_program
from osler.engine.catalogue import catalogue, selected
from osler.engine.diagnose import Outcome, Terms, considered, diagnose
from osler.engine.fold import fold
from osler.engine.judge import Judgement, unguarded
from osler.engine.linting import wishes_of
from osler.engine.pace import Pace
from osler.errors import UsageError
from osler.model import NOTHING_ASKED, Confidence, Cost, CrashFact, Diagnosis, Finding, Place, Run, Severity
from osler.runtime.endings import how_ended
from osler.settings import SAMPLES, Settings
from osler.store.logbook import Logbook, Plan, chosen
from osler.store.records import Ending

if TYPE_CHECKING:
    from osler.runtime.guard import Gate
    from osler.runtime.patches import Patches

CUT = ("interrupt", "SIGTERM", "max-steps", "stop-on")
"""How a script ends that would have gone on."""

MOST_FILES = 200
"""Files of a program that are read."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Where training stands, for a live line."""

    steps: int
    loss: float | None
    findings: int
    seconds: float


class Session:
    """One watched program.

    Args:
        settings: what to look for and when to stop.
        on_finding: called once for each certain finding above hint, the moment it is seen.
        warn: called with a sentence when a fault inside Osler closed a gate.
        at_exit: called with the diagnosis when a ``with`` block ends.
        plan: where the run is recorded; not at all if not given.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        on_finding: Callable[[Finding], None] | None = None,
        warn: Callable[[str], None] | None = None,
        at_exit: Callable[[Diagnosis], None] | None = None,
        plan: Plan | None = None,
    ) -> None:
        from osler.runtime.watcher import Watcher  # torch is only needed once something is watched

        self.settings = settings or Settings()
        script = plan.script if plan is not None else ""
        selected(self.settings.select, self.settings.ignore)  # imports the checks before training begins
        self.terms = Terms(script, self.settings.select, self.settings.ignore, dict(self.settings.intended))
        self.watcher = Watcher(warn or print_warning, self.settings.overhead)
        self.watcher.after_turn = self._after_turn
        self.watcher.samples.on = self.settings.keep == SAMPLES
        if self.settings.max_steps is not None:
            self.watcher.thinning.last_step = self.settings.max_steps
        self.stopped_by = ""
        self.diagnosis = Diagnosis()
        self.setup = NOTHING_ASKED
        self._on_finding = on_finding
        self._at_exit = at_exit
        self._announced: set[tuple[str, str]] = set()
        self._gates: dict[str, Gate] = {}
        self._patches: Patches | None = None
        self._pace = Pace(lambda: self.watcher.training_seconds, eager=self.settings.stop_on is not None)
        self._began = monotonic()
        self._since = time()
        self._process = os.getpid()
        self.logbook = self._open_logbook(plan) if plan is not None else None

    def _open_logbook(self, plan: Plan) -> Logbook:
        from osler import __version__
        from osler.runtime.guard import Guard
        from osler.runtime.measures import by_name

        versions = {"osler": __version__, "torch": str(sys.modules["torch"].__version__)}
        contain = Guard(plan.warn).gate("the recording of the run").call
        plan = replace(plan, versions=versions, measures=by_name(), terms=self.terms, contain=contain)
        book = Logbook(plan)
        self.watcher.measuring.on_column = book.column
        self.watcher.measuring.on_histogram = book.histogram
        return book

    def sources(self, *scripts: Path) -> list[Path]:
        """The scripts and the user's modules that were imported, without files that changed meanwhile."""
        modules = list(sys.modules.values())
        named = (getattr(module, "__file__", None) for module in modules)
        sources = (f for f in named if isinstance(f, str) and f.endswith(".py"))
        own = (Path(f) for f in sources if self.watcher.lines.is_user_file(f))
        found = dict.fromkeys([*scripts, *(f for f in own if f.is_absolute())])
        return [f for f in found if f.is_file() and f.stat().st_mtime <= self._since][:MOST_FILES]

    def rehearse(self) -> None:
        """Do now, before training, what takes long the first time."""
        from osler.runtime.guard import Guard
        from osler.runtime.rehearsal import rehearse, unheard

        gate = Guard(unheard).gate("the rehearsal")
        gate.call(rehearse)
        start = monotonic()
        gate.call(considered, Run(), self.terms, unguarded)
        self._pace.spent = monotonic() - start  # the first answers will cost as much

    def attach(self, *, ahead: bool = False) -> None:
        """Begin to watch this process.

        Args:
            ahead: the program has not begun, and can wait for what takes long the first time.

        Raises:
            UsageError: another session is already watching, or this one has ended.
        """
        from osler.runtime import attach_point
        from osler.runtime.attach import attach

        if self.run.ended:
            raise UsageError("this session has ended", fix="Begin another one with `osler.watch()`.")
        if not attach_point.take(self):
            raise UsageError("this process is already being watched", fix="End the other `watch()` first.")
        if ahead:
            self.rehearse()
            self.watcher.registry.from_start = True
        self._patches = attach(self.watcher)

    def detach(self) -> None:
        """Stop watching; every patched name is restored."""
        from osler.runtime import attach_point

        self.watcher.end_look()
        if self._patches is not None:
            self._patches.undo()
        attach_point.free(self)

    def log(self, **measures: float) -> None:
        """Record the user's own measures, for example ``session.log(accuracy=0.93)``."""
        self.watcher.catch_up()
        for name, value in measures.items():
            self.watcher.measuring.add(name, float(value))

    def progress(self) -> Progress:
        """Where training stands."""
        column = self.run.columns.get("loss")
        loss = column.last if column else None
        return Progress(self.run.steps, loss, len(self._announced), monotonic() - self._began)

    @property
    def run(self) -> Run:
        """The evidence so far."""
        self.watcher.catch_up()
        return self.watcher.run

    def finish(
        self,
        script: str = "",
        exit_code: int | None = None,
        ended_by: str = "",
        crash: BaseException | None = None,
        files: Iterable[Path] = (),
    ) -> Diagnosis:
        """The program has ended: judge everything that was seen.

        Args:
            script: path of the script, or ``-m`` and the module.
            exit_code: of the script.
            ended_by: as in `Subject`.
            crash: the exception that ended it.
            files: the program's source, to be read as well; if empty, only what ran is judged.
        """
        watcher = self.watcher
        watcher.guard.listen_here()
        if crash is not None and not self.stopped_by:
            self.run.crash = self._crash(crash)
        if not self.run.ended:
            watcher.gate("the end of the run").call(watcher.finish)
        self.run.ended = True
        self.run.cut |= ended_by in CUT
        beside = self.logbook.seconds if self.logbook is not None else 0.0
        spent, trained = watcher.seconds + beside, max(0.0, watcher.training_seconds - beside)
        reading = self._read(files)  # after training, so its time is no cost of it
        sampled = (watcher.measuring.sampled() + watcher.thinning.nanoseconds) / 1e9
        cost = Cost(self.settings.overhead, spent, trained, tuple(watcher.guard.failures), sampled)
        outcome = Outcome(exit_code, ended_by, cost, self._close_facts(cost, reading))
        terms = replace(self.terms, script=script or self.terms.script)
        found = diagnose(self.run, terms, outcome, self._guarded, reading, self.setup)
        self.diagnosis = replace(found, cost=replace(cost, failures=tuple(watcher.guard.failures)))
        watcher.guard.busy = (
            True  # the script may hold functions of ours inside its own: they do nothing any more
        )
        return self.diagnosis

    def _read(self, files: Iterable[Path]) -> Reading:
        """What the source says; nothing if there is none or reading it fails."""
        listed = list(files)
        if not listed:
            return Reading()
        checks = selected(self.settings.select, self.settings.ignore)
        return (
            self.watcher.gate("the source").within(read_program, listed, checks, wishes_of(self.settings))
            or Reading()
        )

    def _close_facts(self, cost: Cost, reading: Reading) -> str:
        """Record the last facts; the run directory, empty if there is none."""
        book = self.logbook
        if book is None:
            return ""
        gate = self.watcher.gate("the end of the record")
        gate.within(book.end, self.run, cost, reading, self.setup)  # it may have ended in an experiment
        return str(book.path or "")

    def close(self, report: str) -> None:
        """Keep the report with the recorded run, and say there that the program has ended."""
        subject = self.diagnosis.subject
        if self.logbook is not None:
            self.logbook.close(Ending(subject.exit_code, subject.ended_by), report)

    def __enter__(self) -> Session:
        self.attach()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        """The block is left: judge what was seen.

        Returns:
            Whether it ended because this session was asked to stop training; the program goes on behind it.
        """
        self.detach()
        how = how_ended(error)
        if os.getpid() != self._process:  # a forked child leaves the block too
            return how == "stopped"
        crash = error if how == "exception" else None
        self.finish(ended_by=self.stopped_by if how == "stopped" else how, crash=crash)
        if self.logbook is not None:
            self.close(as_json(self.diagnosis))
        if self._at_exit is not None:
            self._at_exit(self.diagnosis)
        return how == "stopped"

    def _after_turn(self) -> None:
        """A turn of the loop is over: ask the checks when it is time, stop when it is asked for."""
        run = self.run
        if (
            self.settings.max_steps is not None
            and run.steps >= self.settings.max_steps
            and not self.stopped_by
        ):
            self._stop("max-steps")
        revision = (
            len(run.patterns) + len(run.losses) + len(run.retained) + len(run.not_finite) + len(run.cuts)
        )
        if self.logbook is not None:
            latest = self.watcher.measuring.latest
            self.logbook.turn(run, latest, changed=self._pace.is_news(revision))
        if not self._pace.is_time(run.turns, revision):
            return
        start = monotonic()
        self._announce(self._judge().findings)
        self._pace.spent += monotonic() - start

    def _judge(self) -> Judgement:
        return considered(self.run, self.terms, self._guarded)

    def _guarded(self, ask: Callable[[], list[Finding]], name: str) -> list[Finding] | None:
        gate = self._gates.get(name)
        if gate is None:
            gate = self._gates[name] = self.watcher.gate(f"check {name}")
        return gate.within(ask)

    def _announce(self, findings: Iterable[Finding]) -> None:
        if self.watcher.look_wanted or self.watcher.look is not None:
            self._pace.again_after(self.run.turns + 1)  # the line will be known then
            return
        for group in fold(findings, catalogue()):
            finding = group.cause
            key = (finding.check, finding.place.subject)
            certain = finding.confidence is Confidence.CERTAIN and finding.severity > Severity.HINT
            if not certain or finding.suppressed:
                continue
            stop_on = self.settings.stop_on
            if stop_on is not None and group.severity >= stop_on and not self.stopped_by:
                self._stop("stop-on")  # also where a symptom has made worse what was announced before
            if key in self._announced:
                continue
            self._announced.add(key)
            if self.logbook is not None:
                self.logbook.finding(finding, self.run)
            if self._on_finding is not None:
                self._on_finding(finding)

    def _stop(self, reason: str) -> None:
        self.stopped_by = self.stopped_by or reason
        self.watcher.stop_reason = reason

    def _crash(self, error: BaseException) -> CrashFact:
        lines = self.watcher.lines
        frames = traceback.extract_tb(error.__traceback__)
        site = [Place(f.filename, f.lineno or 0, f.name) for f in frames if lines.is_user_file(f.filename)]
        current = self.watcher.ledger.current
        return CrashFact(
            type(error).__name__, str(error), tuple(reversed(site)), current[-1].kind.value if current else ""
        )


def watch(
    *things: object,
    quiet: bool = False,
    settings: Settings | None = None,
    run_dir: str | os.PathLike[str] | None = None,
) -> Session:
    """Watch what happens inside a ``with`` block: for notebooks, tests and scripts of one's own.

    Args:
        things: models and optimizers that exist already, so that they are known from the start.
        quiet: do not print the diagnosis at the end; it stays in ``session.diagnosis``.
        settings: what to look for; everything if not given.
        run_dir: folder to be made for a record of the run, which ``osler report`` reads; none if not given.

    Raises:
        StoreError: ``run_dir`` cannot be made or holds a run already.

    Example:
        ``with osler.watch(model, optimizer) as session: train()``
    """
    plan = Plan(Path.cwd(), chosen(Path(run_dir)), argv=tuple(sys.argv)) if run_dir is not None else None
    session = Session(settings, at_exit=None if quiet else print_report, plan=plan)
    session.watcher.meet(things)
    return session


def as_json(diagnosis: Diagnosis) -> str:
    """The report of a block that was watched."""
    from osler import __version__
    from osler.report.frame import Frame
    from osler.report.json import render
    from osler.report.source import Sources

    return render(diagnosis, Frame(__version__, Path.cwd(), Sources()))


def print_report(diagnosis: Diagnosis) -> None:
    """Print the diagnosis to stderr."""
    from osler.report.source import Sources
    from osler.report.terminal import Page, render

    if sys.stderr is not None:
        print(render(diagnosis, Page(Path.cwd(), Sources())), file=sys.stderr, end="")  # noqa: T201


def print_warning(sentence: str) -> None:
    """Tell the user about a fault inside Osler; training goes on."""
    if sys.stderr is not None:
        print(f"osler: {sentence}; training goes on", file=sys.stderr)  # noqa: T201
