"""The room in which one script is examined: watcher, steering wheel, fences, watchdog."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from osler.cli import FAILED, OK
from osler.settings import TEXT

if TYPE_CHECKING:
    from osler.model import Answer, Diagnosis
    from osler.preflight.helm import Helm
    from osler.replay.overlay import Overlay
    from osler.replay.quiet import Held
    from osler.replay.watchdog import Watchdog
    from osler.report.screen import Screen
    from osler.report.source import Sources
    from osler.runtime.endings import Ending
    from osler.runtime.patches import Patches
    from osler.session import Session
    from osler.settings import Settings

COMMAND = "preflight"
CARRIED = ("fail-on", "select", "ignore", "keep")
"""Options that hold for the training that follows as well; report and record are of the pre-flight alone."""

PATIENCE = 120.0
"""Seconds without any event, beyond the budget, after which the script counts as hanging."""

UNSEEN = (
    "nothing was asked: no loader of torch hands out the batches, no module receives them, or it was the "
    "only one; `osler.preflight(model=..., loss=..., batch=..., optimizer=...)` asks in any program"
)
KILLED = ("interrupt", "SIGTERM")
"""Endings that are the user's own doing, whatever the script was at."""

WITHOUT_BACKWARD = "the script makes its steps without `backward()`"
"""Why nothing can be asked of evolution strategies and of gradients that are put in place by hand."""


@dataclass(slots=True)
class Room:
    """The room in which one script is examined: watcher, steering wheel, fences, watchdog.

    Attributes:
        args: the command line.
        settings: what the user has asked for.
        session: what watches the script's own steps.
        screen: where text goes.
        sources: the user's source lines.
        budget: seconds for the experiments.
    """

    args: Namespace
    settings: Settings
    session: Session
    screen: Screen
    sources: Sources
    budget: float
    root: Path = field(default_factory=Path.cwd)
    path: tuple[str, ...] = field(default_factory=lambda: tuple(sys.path))
    environment: dict[str, str] = field(default_factory=lambda: dict(os.environ))
    leave_now: Callable[[int], object] = os._exit  # pyright: ignore[reportPrivateUsage]
    patches: Patches = field(init=False)
    helm: Helm = field(init=False)
    overlay: Overlay = field(init=False)
    watchdog: Watchdog = field(init=False)
    held: list[Held] = field(default_factory=list["Held"])
    hung: str = ""

    def __post_init__(self) -> None:
        from osler.preflight.helm import Helm
        from osler.replay.overlay import Overlay
        from osler.replay.watchdog import Watchdog
        from osler.runtime.patches import Patches

        self.patches = Patches()
        self.overlay = Overlay()
        self.watchdog = Watchdog(self.hang, self.budget + PATIENCE)
        self.helm = Helm(
            self.session.watcher.lines,
            self.budget,
            lambda _: None,  # the answer says so
            on_answer=self.tell,
            on_question=self.ask,
            on_take=self.taken,
            on_return=self.given_back,
            on_end=self.finished,
            on_event=self.watchdog.alive,
        )

    @property
    def name(self) -> str:
        """The script as the user called it."""
        return f"-m {self.args.module}" if self.args.module else self.args.script

    @property
    def speaks(self) -> bool:
        """Whether answers are shown as they come."""
        return not self.settings.quiet and (self.settings.format == TEXT or self.settings.output is not None)

    def enter(self) -> None:
        """Put the fences up, take hold of the loaders, and begin to watch."""
        from osler.replay.outside import silence_trackers
        from osler.replay.quiet import STDERR, STDOUT, Held

        silence_trackers(self.patches)
        self.helm.take_hold()
        self.session.attach()
        self.helm.guard_the_door()
        self.overlay.install(self.patches)
        if not self.args.show_output:
            self.held.append(Held(STDOUT, STDERR))

    def leave(self) -> str:
        """Take the fences down; the end of what was held back."""
        self.watchdog.stop()
        self.patches.undo()
        self.helm.leave_the_door()
        self.session.detach()
        self.helm.let_go()
        text = self.held[0].text() if self.held else ""
        while self.held:
            self.held.pop().release()
        self.overlay.remove()
        return text

    def tell(self, answer: Answer) -> None:
        """One line per answer."""
        from osler.report.wording import answered

        if self.speaks:
            erase = "\r\x1b[K" if self.screen.is_terminal else ""
            self.screen.write(f"{erase}osler: {answered(answer)}\n")
            if self.args.network and answer.name == "network":
                self.show_network()

    def show_network(self) -> None:
        """The table of each model's layers."""
        from osler.model import NetworkFact
        from osler.report.network import render
        from osler.report.terminal import Page

        page = Page(self.root, self.sources, self.screen.width, self.screen.has_color)
        for network in self.helm.notebook.setup.all(NetworkFact):
            self.screen.write(f"\n{render(network, page)}\n")

    def ask(self, question: str) -> None:
        """What is being asked, on a terminal."""
        if self.speaks and self.screen.is_terminal:
            self.screen.write(f"\r\x1b[K{question[: self.screen.width - 1]}")

    def taken(self) -> None:
        """Experiments begin."""
        from osler.replay.outside import refuse_connections
        from osler.replay.quiet import STDERR, STDOUT, Held, written_files

        self.watchdog.start()
        self.session.watcher.suspend()
        refuse_connections(self.patches)
        files = [d for d in written_files() if d != self.screen.descriptor]
        self.held.append(Held(*{*files, STDOUT, STDERR}))

    def given_back(self) -> None:
        """Experiments are over; the script makes some steps of its own."""
        if len(self.held) > 1 or self.args.show_output:
            from osler.replay.quiet import STDERR, STDOUT

            self.held[-1].release(STDOUT, STDERR)
        self.session.watcher.resume()

    def finished(self) -> None:
        """All was seen."""
        os._exit(OK)

    def hang(self, silence: float) -> None:
        """Nothing happens any more."""
        name = self.helm.notebook.current
        doing = f"in the experiment {name}" if name else "between two batches"
        self.hung = f"nothing happened for {silence:.0f} s {doing}; the script was ended"
        os._exit(OK)

    def end(self, ending: Ending) -> int | None:
        """Report, and leave without letting the script clean up after experiments."""
        from osler.cli.run import search_path
        from osler.replay.first import Phase

        text = self.leave()
        ours = self.helm.wheel.shortened or self.helm.wheel.phase is Phase.STEERED
        crash = None if ours else ending.crash
        if crash is not None or (ending.exit_code and not ours):  # only there it says what is missing
            self.screen.write(text)
        self.note_the_end(ending)
        self.session.setup = self.helm.notebook.setup
        self.session.run.cut = True
        code = 0 if ours and ending.ended_by not in KILLED else ending.exit_code
        with search_path(self.path):
            file = [] if self.args.module else [self.root / self.args.script]
            files = self.session.sources(*file)
            by = "" if ours or ending.ended_by == "os._exit" else ending.ended_by
            diagnosis = self.session.finish(self.name, code, by, crash, files)
            diagnosis = replace(diagnosis, subject=replace(diagnosis.subject, command=COMMAND))
            self.report(diagnosis)
        worst, fail_on = diagnosis.worst, self.settings.fail_on
        failed = fail_on is not None and worst is not None and worst >= fail_on
        if self.args.goes_on and not failed and not code:
            self.go_on()
        flush()
        self.leave_now(FAILED if failed else code)
        return None

    def note_the_end(self, ending: Ending) -> None:
        """Say why experiments were cut short, if they were."""
        from osler.replay.first import Phase

        run = self.session.run
        for failure in self.helm.wheel.gate.guard.failures:
            self.blind("experiments", failure)
        if self.hung:
            self.blind("the watchdog", self.hung)
        if self.helm.wheel.phase is Phase.STEERED:
            why = (
                f"{type(ending.crash).__name__}: {ending.crash}"
                if ending.crash
                else "the script left its loop"
            )
            doing = self.helm.notebook.current or "the last turn"
            self.blind("experiments", f"{why} during {doing}; what follows was not asked")
            self.helm.notebook.close(f"the script left its loop during {doing}")
        elif self.helm.wheel.shortened and ending.crash is not None:
            why = f"{type(ending.crash).__name__}: {ending.crash}"
            self.blind("what follows a pass", f"{why}, in a pass that had been cut short; not judged")
        elif self.helm.wheel.phase is Phase.FIRST and run.backwards:
            self.blind("experiments", UNSEEN)
        elif self.helm.wheel.phase is Phase.FIRST and run.steps:
            self.helm.notebook.close(WITHOUT_BACKWARD, self.helm.only)

    def blind(self, subject: str, reason: str) -> None:
        """Something could not be seen."""
        from osler.model import BlindFact

        self.session.run.blind.append(BlindFact(subject, reason))

    def report(self, diagnosis: Diagnosis) -> None:
        """Write what was asked for, where it was asked for; the record is whole before the process leaves."""
        from osler.cli.run import Bedside
        from osler.report import json
        from osler.report.live import Live

        bedside = Bedside(
            self.settings, self.session, self.screen, Live(self.screen, self.root), self.root, self.name,
            self.sources, self.path,
        )  # fmt: skip
        bedside.show(diagnosis)
        self.session.close(json.render(diagnosis, bedside.frame()))
        bedside.save(diagnosis)

    def go_on(self) -> None:
        """Begin the real training in this process's place."""
        flush()
        what = ["-m", self.args.module] if self.args.module else [self.args.script]
        words = [sys.executable, "-m", "osler", "run", *carried(self.args), *what, *self.args.arguments]
        os.chdir(self.root)
        os.execve(sys.executable, words, self.environment)


def carried(args: Namespace) -> list[str]:
    """The words of the command line that hold for the training as well."""
    words: list[str] = []
    for key in CARRIED:
        value: list[str] | str | None = getattr(args, key.replace("-", "_"))
        if value is not None:
            words.append(f"--{key}={','.join(value) if isinstance(value, list) else value}")
    return words + ["--no-store"] * (args.store is False) + ["--quiet"] * bool(args.quiet)


def flush() -> None:
    """Write out what Python still holds for the terminal."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None and not stream.closed:  # pyright: ignore[reportUnnecessaryComparison]
            stream.flush()
