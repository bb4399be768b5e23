"""A diagnosis is what is wrong with one program: findings under their causes, and what was looked at."""

from __future__ import annotations

from dataclasses import dataclass, field

from osler.model.finding import Finding, Severity
from osler.model.setup import NOTHING_ASKED, Answer, Setup


@dataclass(frozen=True, slots=True)
class Group:
    """One cause with the symptoms it explains."""

    cause: Finding
    symptoms: tuple[Finding, ...] = ()

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The cause before its symptoms."""
        return (self.cause, *self.symptoms)

    @property
    def severity(self) -> Severity:
        """What it counts as: as much as its cause, or the worst symptom that is not acknowledged.

        Folding hides nothing that would fail or stop a run by itself.
        """
        return max(f.severity for f in self.findings if f is self.cause or not f.suppressed)


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of the program was seen.

    Attributes:
        models_seen: root modules that were watched.
        modules_seen: submodules inside which calls could be watched.
        modules_total: all submodules of the models seen.
        blind: what could not be watched and why, one sentence each.
    """

    models_seen: int = 0
    modules_seen: int = 0
    modules_total: int = 0
    blind: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Cost:
    """What watching cost.

    Attributes:
        limit: share of the training time that may be used for sampled work.
        seconds: time spent in Osler.
        training_seconds: time from the first to the last event, Osler's own subtracted.
        failures: warnings about faults inside Osler.
        sampled_seconds: of the time spent in Osler, that for sampled work: measures, and turns that are
            watched closely between rests. The rest is the floor of the events themselves.
    """

    limit: float = 0.01
    seconds: float = 0.0
    training_seconds: float = 0.0
    failures: tuple[str, ...] = ()
    sampled_seconds: float = 0.0

    @property
    def measured(self) -> float:
        """Osler's time over the rest of the training time."""
        return self.seconds / self.training_seconds if self.training_seconds > 0 else 0.0

    @property
    def sampled(self) -> float:
        """The same of sampled work alone: what `limit` is for."""
        return self.sampled_seconds / self.training_seconds if self.training_seconds > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Subject:
    """What was examined.

    Attributes:
        command: the Osler command.
        script: path of the user's script, or ``-m`` and the module.
        steps: optimizer steps seen.
        backwards: backward calls seen.
        forwards: calls of root modules seen, at least.
        batches: turns of the loop.
        optimizers: optimizers built.
        exit_code: exit code of the script, None while it runs.
        ended_by: how the script ended: ``""``, ``exception``, ``interrupt``, ``SIGTERM``, ``os._exit`` …
        run: path of the run directory, empty if none was written.
        files: source files that were looked at.
    """

    command: str = "run"
    script: str = ""
    steps: int = 0
    backwards: int = 0
    forwards: int = 0
    batches: int = 0
    optimizers: int = 0
    exit_code: int | None = None
    ended_by: str = ""
    run: str = ""
    files: int = 0


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The verdict on one program.

    Attributes:
        subject: what was examined.
        groups: causes with their symptoms, most severe and certain first.
        checked: names of the checks that were evaluated.
        not_applicable: check name to the reason why it could not be evaluated.
        failed: check name to the fault inside the check.
        coverage: how much was seen.
        cost: what watching cost.
        measures: last value of each measure.
        setup: what a pre-flight asked, and what was answered.
    """

    subject: Subject = field(default_factory=Subject)
    groups: tuple[Group, ...] = ()
    checked: tuple[str, ...] = ()
    not_applicable: dict[str, str] = field(default_factory=dict[str, str])
    failed: dict[str, str] = field(default_factory=dict[str, str])
    coverage: Coverage = field(default_factory=Coverage)
    cost: Cost = field(default_factory=Cost)
    measures: dict[str, float] = field(default_factory=dict[str, float])
    setup: Setup = NOTHING_ASKED

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings, causes before their symptoms."""
        return tuple(f for g in self.groups for f in g.findings)

    @property
    def headlines(self) -> tuple[Finding, ...]:
        """Causes above hint that the user has not acknowledged."""
        causes = (g.cause for g in self.groups if not g.cause.suppressed)
        return tuple(c for c in causes if c.severity > Severity.HINT)

    @property
    def experiments(self) -> tuple[Answer, ...]:
        """What a pre-flight asked, and what was answered."""
        return self.setup.answers

    @property
    def worst(self) -> Severity | None:
        """Severity of the worst group whose cause is not acknowledged."""
        return max((g.severity for g in self.groups if not g.cause.suppressed), default=None)
