"""The sentences around the findings: how the script ended, and what was looked at or could not be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import PurePath

from osler.model import Cost, Coverage, Diagnosis, Subject, counted
from osler.report.wording import percent, printable

ENDINGS: Mapping[str, str] = {
    "exception": "stopped with an exception",
    "kill": "was cut short, killed or with its machine,",
    "running": "is still running",
    "interrupt": "was interrupted",
    "max-steps": "was stopped by --max-steps",
    "stop-on": "was stopped by --stop-on",
}
"""How a script can be cut short, in words."""

READING = "lint"
"""The command that reads source code: nothing ran, so that there are no steps to speak of."""

SHORT = 1.0
"""Seconds of training below which a share of them says nothing about a real run."""

MOST_REASONS = 4
"""Reasons listed why checks could not be evaluated."""

MOST_NAMES = 6
"""Names listed for one reason; `--format json` has them all."""


def opening(diagnosis: Diagnosis) -> Iterator[str]:
    """What must be read first: how the script was cut, and the verdict."""
    subject = diagnosis.subject
    if cut := ending(subject):
        yield cut
    if subject.command == READING:
        yield total(diagnosis)
    elif diagnosis.headlines:
        yield f"{problems(diagnosis)} in {script(subject)}"
    elif not subject.backwards and not subject.steps:
        yield from no_training(subject)
    else:
        yield healthy(diagnosis)


def ending(subject: Subject) -> str:
    """How the script ended, empty if it simply ran to its end."""
    after = f"after {counted(subject.steps, 'step')}"
    if subject.ended_by in ENDINGS:
        return f"{script(subject)} {ENDINGS[subject.ended_by]} {after}"
    if subject.ended_by and subject.ended_by != "sys.exit":
        return f"{script(subject)} was ended by {printable(subject.ended_by)} {after}"
    if subject.exit_code:
        return f"{script(subject)} exited with code {subject.exit_code} {after}"
    return ""


def script(subject: Subject) -> str:
    """The script as the user called it."""
    return printable(subject.script.removeprefix("-m ")) or "the program"


def no_training(subject: Subject) -> Iterator[str]:
    """No training was seen: what was seen, and how to help."""
    seen = [
        counted(subject.batches, "batch", "batches"),
        counted(subject.forwards, "forward call"),
        counted(subject.optimizers, "optimizer"),
    ]
    yield f"no training seen: no backward, no optimizer step; {', '.join(seen)}"
    if not ending(subject):
        yield (
            "if it trains in a child process, run Osler on that one; if only with certain arguments, "
            "give them after the script"
        )


def healthy(diagnosis: Diagnosis) -> str:
    """The one line of a run in which nothing was found."""
    skipped = len(diagnosis.not_applicable)
    found = "no problem found" if diagnosis.checked else "no verdict"
    checks = counted(len(diagnosis.checked), "check") + (f", {skipped} not applicable" if skipped else "")
    parts = [checks, f"saw {extent(diagnosis.coverage)}", price(diagnosis.cost)]
    steps = counted(diagnosis.subject.steps, "step")
    return ", ".join([f"{found} in {steps} ({'; '.join(parts)})", *record(diagnosis.subject)])


def total(diagnosis: Diagnosis) -> str:
    """What reading source files gave: how many problems of each severity, in how many files."""
    read = f"{counted(diagnosis.subject.files, 'file')}, {counted(len(diagnosis.checked), 'check')}"
    return f"{problems(diagnosis) or 'no problem found'} in {read}"


def problems(diagnosis: Diagnosis) -> str:
    """How many problems of each severity."""
    counts = Counter(g.cause.severity for g in diagnosis.groups if not g.cause.suppressed)
    return ", ".join(counted(counts[s], s.label) for s in sorted(counts, reverse=True))


def summary(diagnosis: Diagnosis) -> Iterator[str]:
    """What was looked at and what was not; nothing more if all is well and all was seen."""
    if diagnosis.headlines and diagnosis.subject.command != READING:
        yield looked_at(diagnosis)
        if diagnosis.not_applicable:
            yield not_applicable(diagnosis.not_applicable)
    yield from silent_about(diagnosis)


def looked_at(diagnosis: Diagnosis) -> str:
    """Steps, checks, coverage and cost."""
    parts = [
        counted(diagnosis.subject.steps, "step"),
        counted(len(diagnosis.checked), "check"),
        f"coverage {extent(diagnosis.coverage)}",
        price(diagnosis.cost),
        *record(diagnosis.subject),
    ]
    return ", ".join(parts)


def record(subject: Subject) -> Iterator[str]:
    """Where the run was recorded, if it was: the name that `osler report` takes."""
    folder = PurePath(subject.run)
    if subject.run:
        own = folder.parts[-3:-1] == (".osler", "runs")
        yield f"recorded as {folder.name}" if own else f"recorded in {printable(str(folder))}"


def price(cost: Cost) -> str:
    """What watching cost: the share, or the time where the first steps of a short run would distort it."""
    if not cost.seconds:
        return "cost unknown"  # a run that was killed could not tell it
    if cost.training_seconds < SHORT:
        return f"cost {cost.seconds:.2f} s"
    whole = f"cost {percent(cost.measured)}"
    return f"{whole}, sampled work {percent(cost.sampled)}" if cost.sampled else whole


def extent(coverage: Coverage) -> str:
    """How many of the modules were seen."""
    if not coverage.modules_total:
        return "no modules"
    return f"{coverage.modules_seen} of {counted(coverage.modules_total, 'module')}"


def not_applicable(reasons: Mapping[str, str]) -> str:
    """Which checks could not be evaluated, grouped by the reason; of many, the reasons that hold for most."""
    names: dict[str, list[str]] = {}
    for name, reason in reasons.items():
        names.setdefault(reason, []).append(name)
    groups = sorted(names.items(), key=lambda group: -len(group[1]))
    shown = [f"{printable(reason)} ({listed(found)})" for reason, found in groups[:MOST_REASONS]]
    if more := sum(len(found) for _, found in groups[MOST_REASONS:]):
        shown.append(f"{more} more in `--format json`")
    return f"not applicable {len(reasons)}: {'; '.join(shown)}"


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
