"""The diagnosis as workflow commands, which GitHub Actions shows beside the lines of a pull request."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from osler.model import Diagnosis, Finding, Group, Severity, counted
from osler.report.frame import Frame
from osler.report.summary import opening, summary
from osler.report.wording import in_one_line, printable

SUFFIX = ""
COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.HINT: "notice"}

MOST = 10
"""Annotations of one kind that GitHub keeps of one step; the others would vanish without a word."""

LONGEST_MESSAGE = 4096
"""Characters after which the runner cuts a message."""

LONGEST_TITLE = 255
"""Characters that GitHub accepts in a title."""


def render(diagnosis: Diagnosis, frame: Frame) -> str:
    """One command per cause between the sentences that a log also shows."""
    return "".join(f"{line}\n" for line in lines(diagnosis, frame))


def lines(diagnosis: Diagnosis, frame: Frame) -> Iterator[str]:
    """The verdict, the annotations, what GitHub would drop, and what was looked at."""
    for sentence in opening(diagnosis):
        yield said(sentence)
    given: Counter[Severity] = Counter()
    for group in diagnosis.groups:
        if not group.cause.suppressed:
            severity = group.cause.severity
            given[severity] += 1
            is_kept = given[severity] <= MOST
            yield annotation(group, frame) if is_kept else said(in_one_line(group.cause, frame.root))
    for severity, amount in given.items():
        if amount > MOST:
            more = counted(amount - MOST, severity.label)
            yield said(f"GitHub shows {MOST} annotations of one kind per step: {more} in this log only")
    for sentence in summary(diagnosis):
        yield said(sentence)


def said(sentence: str) -> str:
    """A line that only the log shows. `##[` anywhere in a line would begin a command."""
    return f"osler: {sentence.replace('##[', '## [')}"


def annotation(group: Group, frame: Frame) -> str:
    """One cause as a command."""
    finding = group.cause
    properties = {"title": printable(finding.check)[:LONGEST_TITLE], **place(finding)}
    listed = ",".join(f"{key}={escaped_property(value)}" for key, value in properties.items())
    return f"::{COMMANDS[finding.severity]} {listed}::{escaped(message(group, frame))}"


def place(finding: Finding) -> dict[str, str]:
    """The file in full, because the runner shortens it to the repository's, and the line."""
    file, line = finding.place.file, finding.place.line
    if not Path(file).is_absolute():  # a notebook cell or text that was executed: nothing to show it beside
        return {}
    span = finding.place.span
    columns = {"col": str(span.column)} if span else {}
    return {"file": printable(file)} | ({"line": str(line), **columns} if line else {})


def message(group: Group, frame: Frame) -> str:
    """What was seen, and what to do."""
    finding = group.cause
    rows = {"": finding.message, "expected: ": finding.expected, "why: ": finding.why, "fix: ": finding.fix}
    told = [f"{label}{printable(text)}" for label, text in rows.items() if text]
    told += [f"explains: {in_one_line(symptom, frame.root)}" for symptom in group.symptoms]
    text = "\n".join(told)
    return text if len(text) <= LONGEST_MESSAGE else text[: LONGEST_MESSAGE - 4] + " ..."


def escaped(text: str) -> str:
    """Text as the message of a command."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def escaped_property(text: str) -> str:
    """Text as the value of a property."""
    return escaped(text).replace(":", "%3A").replace(",", "%2C")
