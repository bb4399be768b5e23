"""Everything that takes hold of one script for a pre-flight: observer, wheel, doorway, and the plan."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from time import perf_counter

from osler.model.setup import Answer
from osler.preflight.bench import Bench
from osler.preflight.plan import Notebook, conduct
from osler.replay.doorway import Doorway
from osler.replay.first import First, Limits
from osler.replay.observer import Observer
from osler.replay.turn import Seen, Turn
from osler.replay.wheel import Wheel
from osler.runtime.guard import Guard
from osler.runtime.patches import Patches
from osler.runtime.userlines import UserLines

Action = Callable[[], None]

OWN_SHARE = 0.5
"""Time of the script's own training after the experiments, as a share of the budget, at most."""


def nothing() -> None:
    """Do nothing."""


def keep_silent(_: Answer) -> None:
    """Nobody is listening."""


@dataclass(slots=True, eq=False)
class Helm:
    """Steers one script.

    Attributes:
        lines: tells the user's lines.
        budget: seconds for the experiments.
        warn: called with a sentence about a fault in an experiment.
        on_answer: called with each answer.
        on_question: called with the question that is being asked.
        on_take: called when the experiments begin.
        on_return: called when they are over.
        on_end: called when all was seen; it does not return.
        on_event: called whenever a batch is asked for.
        only: names of the experiments that are made; all if empty.
    """

    lines: UserLines
    budget: float
    warn: Callable[[str], None]
    on_answer: Callable[[Answer], None] = keep_silent
    on_question: Callable[[str], None] = lambda _: None
    on_take: Action = nothing
    on_return: Action = nothing
    on_end: Action = nothing
    on_event: Action = nothing
    only: tuple[str, ...] = ()
    notebook: Notebook = field(init=False)
    observer: Observer = field(init=False)
    wheel: Wheel = field(init=False)
    _inner: Patches = field(default_factory=Patches)
    _outer: Patches = field(default_factory=Patches)

    def __post_init__(self) -> None:
        self.notebook = Notebook(self.on_answer, self.on_question)
        self.observer = Observer(self.lines)
        gate = Guard(self.warn).gate("the plan of experiments")
        self.wheel = Wheel(
            self.observer,
            self._conduct,
            gate,
            Limits(),
            self.on_take,
            self._given_back,
            self.on_end,
            self.on_event,
        )

    def take_hold(self) -> None:
        """Take hold of the loaders; to be done before a watcher attaches, which sees what is handed out."""
        self.observer.install(self._inner)
        self.wheel.install(self._inner)

    def guard_the_door(self) -> None:
        """Take hold of the entrance of models; to be done after a watcher has attached."""
        Doorway(self.wheel).install(self._outer)

    def leave_the_door(self) -> None:
        """Let go of the entrance of models; to be done before the watcher detaches."""
        self._outer.undo()

    def let_go(self) -> None:
        """Let go of the rest."""
        self._inner.undo()

    def _conduct(self, first: First) -> Generator[Turn, Seen, None]:
        bench = Bench(first, self.observer, perf_counter() + self.budget, turn_seconds=first.seconds)
        bench.steerable, bench.pretrained = first.unsteerable, self.observer.loaded
        return conduct(bench, self.notebook, Guard(self.warn), self.only)

    def _given_back(self) -> None:
        self.wheel.limits.until = perf_counter() + self.budget * OWN_SHARE
        self.on_return()
