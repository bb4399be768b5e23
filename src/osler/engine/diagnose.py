"""From evidence to verdict: judge a run, live or stored, and fold what was found into a diagnosis."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase

from osler.engine.agreement import UNREAD, Reading, agreed, confirmed
from osler.engine.catalogue import catalogue, selected
from osler.engine.fold import fold
from osler.engine.judge import Guarded, Judgement, judge, judge_setup, unguarded
from osler.model import NOTHING_ASKED, Cost, Coverage, Diagnosis, Finding, Kind, Run, Setup, Subject


@dataclass(frozen=True, slots=True)
class Terms:
    """What the user wants to hear of; kept with a recorded run, so that it is judged as it was live.

    Attributes:
        script: path of the user's script as typed, or ``-m`` and the module.
        select: checks to evaluate; empty means all.
        ignore: checks to leave out.
        intended: check name to patterns of subjects for which the user wants exactly that.
    """

    script: str = ""
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    intended: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])

    def acknowledged(self, findings: Iterable[Finding]) -> Iterator[Finding]:
        """Mark findings that the user has said are intended."""
        for finding in findings:
            patterns = self.intended.get(finding.check, ())
            intended = any(fnmatchcase(finding.place.subject, p) for p in patterns)
            yield replace(finding, suppressed=True) if intended else finding


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the program ended and what watching it cost.

    Attributes:
        exit_code: of the script, None while it runs or if it was killed.
        ended_by: as in `Subject`.
        cost: Osler's own time.
        run: path of the run directory, empty if none was written.
    """

    exit_code: int | None = None
    ended_by: str = ""
    cost: Cost = field(default_factory=Cost)
    run: str = ""


def diagnose(
    run: Run,
    terms: Terms = Terms(),
    outcome: Outcome = Outcome(),
    guarded: Guarded = unguarded,
    reading: Reading = UNREAD,
    setup: Setup = NOTHING_ASKED,
) -> Diagnosis:
    """The diagnosis of a run.

    Args:
        run: the evidence; its context is derived here.
        terms: what the user wants to hear of.
        outcome: how the program ended.
        guarded: how to call a detector.
        reading: what the program's source says, if it was read.
        setup: what experiments have shown, if any were made.
    """
    checks = selected(terms.select, terms.ignore)
    judgement, tried = judge(run, checks, guarded), judge_setup(setup, checks, guarded)
    found = confirmed(judgement.findings, tried.findings)
    telling = {c.name for c in checks if c.name in judgement.checked and c.refutes(run)}
    findings = agreed(found, reading.about({c.name for c in checks}), telling)
    return Diagnosis(
        subject=subject(run, terms.script, outcome),
        groups=fold(terms.acknowledged(findings), catalogue()),
        checked=tuple(dict.fromkeys((*judgement.checked, *tried.checked))),
        not_applicable={n: r for n, r in judgement.not_applicable.items() if n not in tried.checked},
        failed={**judgement.failed, **tried.failed},
        coverage=coverage(run),
        cost=outcome.cost,
        measures={n: last for n, c in run.columns.items() if (last := c.last) is not None},
        setup=setup,
    )


def considered(run: Run, terms: Terms, guarded: Guarded) -> Judgement:
    """What the selected checks say, acknowledged findings marked."""
    judgement = judge(run, selected(terms.select, terms.ignore), guarded)
    return replace(judgement, findings=tuple(terms.acknowledged(judgement.findings)))


def subject(run: Run, script: str, outcome: Outcome) -> Subject:
    """What was examined."""
    return Subject(
        script=script,
        steps=run.steps,
        backwards=run.backwards,
        forwards=sum(p.count * len(p.of(Kind.FORWARD)) for p in run.patterns),
        batches=sum(p.count * len(p.of(Kind.BATCH)) for p in run.patterns),
        optimizers=len(run.optimizers),
        exit_code=outcome.exit_code,
        ended_by=outcome.ended_by,
        run=outcome.run,
    )


def coverage(run: Run) -> Coverage:
    """How much of the program was seen."""
    total = sum(m.modules for m in run.models.values())
    seen = sum(1 if m.compiled else m.modules for m in run.models.values())
    blind = [f"{b.subject}: {b.reason}" for b in run.blind]
    return Coverage(len(run.models), seen, total, tuple(dict.fromkeys(blind)))
