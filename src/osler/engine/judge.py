"""Ask every check what it sees in a run."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from osler.engine.context import derive
from osler.model import Check, Code, Finding, Run, Setup

Guarded = Callable[[Callable[[], list[Finding]], str], list[Finding] | None]
"""Runs a function and returns None when it failed; the live session passes its guard."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the checks said about one run."""

    findings: tuple[Finding, ...] = ()
    checked: tuple[str, ...] = ()
    not_applicable: dict[str, str] = field(default_factory=dict[str, str])
    failed: dict[str, str] = field(default_factory=dict[str, str])


def unguarded(ask: Callable[[], list[Finding]], name: str) -> list[Finding] | None:
    """Let faults of a check surface: for tests and stored runs."""
    del name
    return ask()


def judge(run: Run, checks: Iterable[Check], guarded: Guarded = unguarded) -> Judgement:
    """Evaluate checks on a run, live or stored.

    Args:
        run: the evidence; its context is derived here.
        checks: what to look for.
        guarded: how to call a detector.
    """
    run.context = derive(run)
    findings: list[Finding] = []
    checked: list[str] = []
    reasons: dict[str, str] = {}
    failed: dict[str, str] = {}
    for check in checks:
        detect = check.run_detector
        if detect is None:
            continue
        if reason := check.applies(run):
            reasons[check.name] = reason
            continue
        seen = guarded(lambda detect=detect: list(detect(run)), check.name)
        if seen is None:
            failed[check.name] = "the check itself failed; please report it"
            continue
        checked.append(check.name)
        findings.extend(seen)
    return Judgement(tuple(findings), tuple(checked), reasons, failed)


def judge_code(code: Code, checks: Iterable[Check]) -> Judgement:
    """Evaluate checks on source code.

    Args:
        code: the evidence.
        checks: what to look for.
    """
    detectors = {c.name: c.code_detector for c in checks}
    known = {name: detect for name, detect in detectors.items() if detect is not None}
    findings = [replace(f, seen_by=("code",)) for detect in known.values() for f in detect(code)]
    return Judgement(tuple(findings), tuple(known))


def judge_setup(setup: Setup, checks: Iterable[Check], guarded: Guarded = unguarded) -> Judgement:
    """Evaluate checks on what the experiments of a pre-flight have shown.

    Args:
        setup: the evidence; without an answer no check is evaluated.
        checks: what to look for.
        guarded: how to call a detector.
    """
    findings: list[Finding] = []
    checked: list[str] = []
    failed: dict[str, str] = {}
    for check in checks if setup.answers else ():
        detect = check.setup_detector
        if detect is None:
            continue
        seen = guarded(lambda detect=detect: list(detect(setup)), check.name)
        if seen is None:
            failed[check.name] = "the check itself failed; please report it"
            continue
        checked.append(check.name)
        findings += [replace(f, seen_by=("setup",)) for f in seen]
    return Judgement(tuple(findings), tuple(checked), {}, failed)
