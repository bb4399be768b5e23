"""Fold findings into groups: one cause, one headline, its symptoms beneath."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping

from osler.model import Check, Confidence, Finding, Group, Severity

CERTAINTY = {Confidence.CERTAIN: 0, Confidence.LIKELY: 1, Confidence.POSSIBLE: 2}


def fold(findings: Iterable[Finding], checks: Mapping[str, Check]) -> tuple[Group, ...]:
    """Group findings under their causes, the worst, surest and earliest cause first.

    A finding is a symptom of another if the other's check declares it, directly or through a third, and
    the other is at least as sure. A hint never explains anything above a hint.
    """
    ordered = sorted(merged(findings), key=lambda f: rank(f, checks))
    causes: list[Finding] = []
    symptoms: dict[int, list[Finding]] = {}
    for finding in ordered:
        cause = next((i for i, c in enumerate(causes) if explains(c, finding, checks)), None)
        if cause is None:
            symptoms[len(causes)] = []
            causes.append(finding)
        else:
            symptoms[cause].append(finding)
    groups = [Group(c, tuple(symptoms[i])) for i, c in enumerate(causes)]
    return tuple(sorted(groups, key=lambda g: (-g.severity, urgency(g.cause))))


def urgency(finding: Finding) -> tuple[int, int, int]:
    """Sort key of headlines: severity, then certainty, then time."""
    step = finding.place.step
    return (-finding.severity, CERTAINTY[finding.confidence], step if step is not None else 0)


def precedence(finding: Finding) -> tuple[int, int, int, bool]:
    """Sort key of findings that are told once; one without a step comes behind all that have one."""
    step = finding.place.step
    late = step if step is not None else sys.maxsize
    return (CERTAINTY[finding.confidence], -finding.severity, late, finding.suppressed)


def rank(finding: Finding, checks: Mapping[str, Check]) -> tuple[int, tuple[int, int, int]]:
    """Sort key for folding: what explains others comes before what it explains."""
    explained_by = sum(finding.check in explained(c.name, checks) for c in checks.values())
    return (explained_by, urgency(finding))


def explained(name: str, checks: Mapping[str, Check]) -> frozenset[str]:
    """Names of all checks whose findings the named problem explains, directly or not."""
    found: set[str] = set()
    todo = [name]
    while todo:
        check = checks.get(todo.pop())
        new = set(check.symptoms) - found if check else set[str]()
        found |= new
        todo.extend(new)
    return frozenset(found - {name})


def explains(cause: Finding, finding: Finding, checks: Mapping[str, Check]) -> bool:
    """Whether the first finding is the cause of the second."""
    if finding.check not in explained(cause.check, checks):
        return False
    if CERTAINTY[cause.confidence] > CERTAINTY[finding.confidence]:
        return False
    return cause.severity > Severity.HINT or finding.severity is Severity.HINT


def merged(findings: Iterable[Finding]) -> list[Finding]:
    """Findings of one check at one line and subject, told once: the surest, worst and earliest of them."""
    best: dict[tuple[str, str, int, str], Finding] = {}
    for finding in findings:
        key = (finding.check, finding.place.file, finding.place.line, finding.place.subject)
        known = best.get(key)
        if known is None or precedence(finding) < precedence(known):
            best[key] = finding
    return list(best.values())
