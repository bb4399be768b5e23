"""Which experiments are made, in which order, until the budget is spent."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Collection, Generator, Iterator
from dataclasses import dataclass, field
from time import perf_counter
from typing import cast

from osler.model.setup import Answer, Setup
from osler.preflight import experiments
from osler.preflight.bench import Bench, CannotAsk
from osler.preflight.outcome import Experiment, Outcome, Steps
from osler.replay.turn import Seen, Turn
from osler.runtime.guard import Gate, Guard

SLACK = 1.5
"""Factor on the time that an experiment is expected to take: it is not begun if that is not left."""


FAULT = "it failed by a fault of Osler's own"
"""What is said where an experiment raises."""


def known() -> tuple[Experiment, ...]:
    """Every experiment, the cheapest first."""
    names = sorted(m.name for m in pkgutil.iter_modules(experiments.__path__))
    modules = [cast("Experiment", importlib.import_module(f"{experiments.__name__}.{n}")) for n in names]
    return tuple(sorted(modules, key=lambda m: m.COST))


def chosen(only: Collection[str]) -> Iterator[Experiment]:
    """The experiments of these names; all if there are none."""
    return (e for e in known() if not only or name_of(e) in only)


def name_of(experiment: Experiment) -> str:
    """As it is shown: ``overfit-one-batch``."""
    return experiment.__name__.rpartition(".")[2].replace("_", "-")


@dataclass(slots=True, eq=False)
class Notebook:
    """Collects what the experiments show.

    Attributes:
        on_answer: called with each answer the moment it is known.
        on_question: called when an experiment begins.
        answers: so far.
        facts: so far.
    """

    on_answer: Callable[[Answer], None]
    on_question: Callable[[str], None] = lambda _: None
    answers: list[Answer] = field(default_factory=list[Answer])
    facts: list[object] = field(default_factory=list[object])
    current: str = ""

    def write(self, answer: Answer, facts: tuple[object, ...] = ()) -> None:
        """Add an answer and what it rests on."""
        self.answers.append(answer)
        self.facts += facts
        self.on_answer(answer)

    def close(self, reason: str, only: Collection[str] = ()) -> None:
        """The script has gone where nothing can be asked: what was to come is refused with this reason."""
        told = {answer.name for answer in self.answers}
        for experiment in chosen(only):
            if name_of(experiment) not in told:
                self.write(Answer(name_of(experiment), experiment.QUESTION, skipped=reason))

    @property
    def setup(self) -> Setup:
        """The evidence so far."""
        return Setup(tuple(self.facts), tuple(self.answers))


@dataclass(frozen=True, slots=True)
class Ended:
    """An experiment has come to its end."""

    outcome: Outcome


def conduct(
    bench: Bench, notebook: Notebook, guard: Guard, only: Collection[str] = ()
) -> Generator[Turn, Seen, None]:
    """Make the experiments one by one; then make the first turn again, so that the script can go on."""
    if not bench.steerable:
        yield from bench.begin()
        start = perf_counter()
        yield Turn(0)
        bench.turn_seconds = perf_counter() - start
    for experiment in chosen(only):
        name, start = name_of(experiment), perf_counter()
        gate = guard.gate(f"the experiment {name}")
        reason = why_not(experiment, bench, gate)
        if reason:
            notebook.write(Answer(name, experiment.QUESTION, skipped=reason))
            continue
        notebook.current = name
        notebook.on_question(experiment.QUESTION)
        yield from bench.begin()
        outcome = yield from guarded(gate, experiment.perform(bench))
        notebook.current = ""
        if outcome is None:
            outcome = Outcome(skipped=f"{FAULT}: {guard.failures[-1] if guard.failures else 'unknown'}")
        seconds = perf_counter() - start
        notebook.write(answered(name, experiment.QUESTION, outcome, seconds), outcome.facts)
    if bench.steerable:
        bench.restore()
    else:
        yield from bench.begin()
        yield Turn(0, as_drawn=True)


def answered(name: str, question: str, outcome: Outcome, seconds: float) -> Answer:
    """The answer as it is told and kept."""
    values = {key: float(value) for key, value in outcome.values.items()}  # as they are read back
    return Answer(name, question, outcome.answer, values, seconds, outcome.skipped, outcome.curves)


def why_not(experiment: Experiment, bench: Bench, gate: Gate) -> str:
    """Why an experiment is not made; empty if it is."""
    if experiment.COST and bench.steerable:
        return bench.steerable
    if bench.seconds_left <= 0:
        return "the budget is spent"
    if experiment.COST and bench.turns_left < experiment.COST:
        return (
            f"it needs {experiment.COST} turns, and the loop makes only {max(0, bench.turns_left):.0f} more"
        )
    seconds = experiment.COST * bench.turn_seconds * SLACK
    if seconds > bench.seconds_left:
        return f"it needs about {seconds:.0f} s, {bench.seconds_left:.0f} s of the budget are left"
    reason = gate.call(experiment.reason, bench)
    return FAULT if reason is None else reason


def guarded(gate: Gate, steps: Steps) -> Generator[Turn, Seen, Outcome | None]:
    """Carry out an experiment; None if it fails."""
    seen: Seen | None = None
    while True:
        reached = gate.call(advance, steps, seen)
        if reached is None:
            return None
        if isinstance(reached, Ended):
            return reached.outcome
        seen = yield reached


def advance(steps: Steps, seen: Seen | None) -> Turn | Ended:
    """Go on to the next turn or to the end."""
    try:
        return next(steps) if seen is None else steps.send(seen)
    except StopIteration as end:
        return Ended(end.value)
    except CannotAsk as refusal:
        return Ended(Outcome(skipped=str(refusal)))


def nothing() -> Iterator[Turn]:
    """For experiments that need no turn: a generator that yields none."""
    yield from ()
