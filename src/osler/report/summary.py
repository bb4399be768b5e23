"""The sentences around the findings: how the script ended, and what was looked at or could not be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from osler.model import Coverage, Diagnosis, Subject
from osler.report.wording import counted, percent, printable

ENDINGS: Mapping[str, str] = {
    "exception": "stopped with an exception",
    "interrupt": "was interrupted",
    "max-steps": "was stopped by --max-steps",
    "stop-on": "was stopped by --stop-on",
}
"""How a script can be cut short, in words."""

MOST_NAMES = 6
"""Names listed for one reason; `--format json` has them all."""


def opening(diagnosis: Diagnosis) -> Iterator[str]:
    """What must be read first: how the script was cut, that nothing was trained, how many problems follow."""
    subject = diagnosis.subject
    if cut := ending(subject):
        yield cut
    if not subject.backwards and not subject.steps:
        yield from no_training(subject)
    if diagnosis.headlines:
        yield f"{verdict(diagnosis)} in {script(subject)}"


def ending(subject: Subject) -> str:
    """How the script ended, empty if it simply ran to its end."""
    after = f"after {counted(subject.steps, 'step')}"
    if subject.ended_by in ENDINGS:
        return f"{script(subject)} {ENDINGS[subject.ended_by]} {after}"
    if subject.ended_by:
        return f"{script(subject)} was ended by {printable(subject.ended_by)} {after}"
    if subject.exit_code:
        return f"{script(subject)} exited with code {subject.exit_code} {after}"
    return ""


def script(subject: Subject) -> str:
    """The script as the user called it."""
    return printable(subject.script) or "the program"


def no_training(subject: Subject) -> Iterator[str]:
    """No training was seen: what was seen, and how to help."""
    seen = [
        counted(subject.batches, "batch").replace("batchs", "batches"),
        counted(subject.forwards, "forward call"),
        counted(subject.optimizers, "optimizer"),
    ]
    yield f"no training seen: no backward and no optimizer step in this process, only {', '.join(seen)}"
    if subject.ended_by or subject.exit_code:
        return
    yield (
        "if the script trains, it does so in a child process or only with certain arguments: "
        "give them after the script's name, or use `with osler.watch():` around the loop"
    )


def verdict(diagnosis: Diagnosis) -> str:
    """How many problems of each severity."""
    counts = Counter(g.cause.severity for g in diagnosis.groups if not g.cause.suppressed)
    return ", ".join(counted(counts[s], s.label) for s in sorted(counts, reverse=True))


def summary(diagnosis: Diagnosis) -> Iterator[str]:
    """What was looked at; a single sentence if all is well and all was seen."""
    trained = bool(diagnosis.subject.backwards or diagnosis.subject.steps)
    if trained and not diagnosis.headlines:
        yield healthy(diagnosis)
    elif trained:
        yield looked_at(diagnosis)
    if diagnosis.headlines and diagnosis.not_applicable:
        yield not_applicable(diagnosis.not_applicable)
    yield from silent_about(diagnosis)


def healthy(diagnosis: Diagnosis) -> str:
    """The one line of a run in which nothing was found."""
    if not diagnosis.checked:
        return f"no verdict: none of the checks could be evaluated. {looked_at(diagnosis)}"
    return f"no problem found. {looked_at(diagnosis)}"


def looked_at(diagnosis: Diagnosis) -> str:
    """Steps, checks, coverage and cost."""
    cost = diagnosis.cost
    skipped = len(diagnosis.not_applicable)
    return ", ".join(
        [
            counted(diagnosis.subject.steps, "step"),
            f"checked {counted(len(diagnosis.checked), 'check')}",
            *([f"not applicable {skipped}"] if skipped and not diagnosis.headlines else []),
            f"coverage {extent(diagnosis.coverage)}",
            f"cost {percent(cost.measured)} (limit {percent(cost.limit)} for sampled work)",
        ]
    )


def extent(coverage: Coverage) -> str:
    """How many of the modules were seen."""
    if not coverage.modules_total:
        return "no modules, only tensors"
    return f"{coverage.modules_seen} of {counted(coverage.modules_total, 'module')}"


def not_applicable(reasons: Mapping[str, str]) -> str:
    """Which checks could not be evaluated, grouped by the reason."""
    names: dict[str, list[str]] = {}
    for name, reason in reasons.items():
        names.setdefault(reason, []).append(name)
    groups = [f"{printable(reason)} ({listed(found)})" for reason, found in names.items()]
    return f"not applicable {len(reasons)}: {'; '.join(groups)}"


def listed(names: list[str]) -> str:
    """Names in a row; of many, the first few and how many more."""
    shown = [printable(n) for n in names[:MOST_NAMES]]
    more = len(names) - len(shown)
    return ", ".join([*shown, f"{more} more"] if more else shown)


def silent_about(diagnosis: Diagnosis) -> Iterator[str]:
    """What could not be watched, what failed inside Osler, and what the user has acknowledged."""
    for sentence in (*diagnosis.coverage.blind, *diagnosis.cost.failures):
        yield f"not seen: {printable(sentence)}"
    for name, fault in diagnosis.failed.items():
        yield f"not checked: {printable(name)}: {printable(fault)}"
    intended = [g.cause.check for g in diagnosis.groups if g.cause.suppressed]
    if intended:
        hidden = Counter(intended)
        yield f"acknowledged as intended: {listed(list(hidden))}"
