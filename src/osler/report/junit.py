"""The diagnosis as JUnit XML: each check is a test, for CI servers that show test results."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from osler.model import Diagnosis, Finding, Group, Severity
from osler.report.frame import Frame
from osler.report.summary import ending
from osler.report.wording import in_one_line, printable, where

SUFFIX = ".xml"


def render(diagnosis: Diagnosis, frame: Frame) -> str:
    """One test suite."""
    root = Element("testsuites")
    root.append(suite(diagnosis, frame))
    if not frame.compact:
        ElementTree.indent(root)
    text = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def suite(diagnosis: Diagnosis, frame: Frame) -> Element:
    """All checks of one run; the counts are of what is inside."""
    name = f"osler {diagnosis.subject.command} {diagnosis.subject.script}".strip()
    made = Element("testsuite", name=printable(name))
    properties = SubElement(made, "properties")
    for key, value in facts(diagnosis):
        SubElement(properties, "property", name=key, value=printable(value))
    cases = [case(check, diagnosis, frame) for check in sorted(names(diagnosis))]
    made.extend(cases)
    made.set("tests", str(len(cases)))
    for counts, kind in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        made.set(counts, str(sum(c.find(kind) is not None for c in cases)))
    return made


def facts(diagnosis: Diagnosis) -> Iterator[tuple[str, str]]:
    """What was examined, and what could not be."""
    seen = diagnosis.coverage
    yield "steps", str(diagnosis.subject.steps)
    if diagnosis.subject.exit_code is not None:
        yield "exit code", str(diagnosis.subject.exit_code)
    if cut := ending(diagnosis.subject):
        yield "ending", cut
    yield "modules seen", f"{seen.modules_seen} of {seen.modules_total}"
    for sentence in (*seen.blind, *diagnosis.cost.failures):
        yield "not seen", sentence


def names(diagnosis: Diagnosis) -> set[str]:
    """Every check that has anything to say."""
    found = {f.check for f in diagnosis.findings}
    return found.union(diagnosis.checked, diagnosis.not_applicable, diagnosis.failed)


def case(check: str, diagnosis: Diagnosis, frame: Frame) -> Element:
    """One check: it fails if it found anything above hint that is not intended."""
    known = frame.checks.get(check)
    topic = f"osler.{known.topic}" if known else "osler"
    made = Element("testcase", classname=topic, name=printable(check))
    found = [(f, g) for g in diagnosis.groups for f in g.findings if f.check == check]
    harm = [(f, g) for f, g in found if f.severity > Severity.HINT and not is_intended(f, g)]
    rest = [in_one_line(f, frame.root) for f, g in found if (f, g) not in harm]
    if harm:
        worst = harm[0][0].severity.label
        failure = SubElement(made, "failure", type=worst, message=headline([f for f, _ in harm]))
        failure.text = "\n\n".join(described(f, g, frame) for f, g in harm)
    elif check in diagnosis.failed:
        SubElement(made, "error", type="check failed", message=printable(diagnosis.failed[check]))
    elif check in diagnosis.not_applicable:
        SubElement(made, "skipped", message=printable(diagnosis.not_applicable[check]))
    elif any(is_intended(f, g) for f, g in found):
        SubElement(made, "skipped", message="acknowledged as intended")
    if rest:
        SubElement(made, "system-out").text = "\n".join(rest)
    return made


def is_intended(finding: Finding, group: Group) -> bool:
    """The user has acknowledged the finding or its cause."""
    return finding.suppressed or group.cause.suppressed


def headline(findings: list[Finding]) -> str:
    """The first in one line, and how many more."""
    more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
    return printable(findings[0].message) + more


def described(finding: Finding, group: Group, frame: Frame) -> str:
    """Place, message and advice; of a symptom also the cause, which is to be mended first."""
    rows = {"expected: ": finding.expected, "why: ": finding.why, "fix: ": finding.fix}
    told = [f"{label}{printable(text)}" for label, text in rows.items() if text]
    related = [f"{where(r.place, frame.root)}: {printable(r.label)}" for r in finding.related]
    cause = [] if finding is group.cause else [f"explained by: {printable(group.cause.check)}"]
    return "\n".join([in_one_line(finding, frame.root), *related, *told, *cause])
