"""The diagnosis as JSON: schema `osler.report/1`, a stable contract."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path

from osler.model import Answer, Diagnosis, Evidence, Finding, Place, Related
from osler.report.frame import Frame
from osler.report.wording import relative

SUFFIX = ".json"
SCHEMA = "osler.report/1"
FINGERPRINT_DIGITS = 16


def render(diagnosis: Diagnosis, frame: Frame) -> str:
    """The report as one JSON document, ending in a newline; if compact, on a single line."""
    return written(report(diagnosis, frame), frame)


def written(content: object, frame: Frame) -> str:
    """Plain values as JSON."""
    # ASCII, because control characters of other alphabets would reach the terminal unescaped.
    return json.dumps(content, indent=None if frame.compact else 2, ensure_ascii=True, allow_nan=False) + "\n"


def report(diagnosis: Diagnosis, frame: Frame) -> dict[str, object]:
    """The report as plain values. Whatever is unknown is None."""
    return {
        "schema": SCHEMA,
        **subject(diagnosis, frame),
        **coverage(diagnosis),
        "diagnoses": groups(diagnosis),
        "findings": [finding(f, frame) for f in diagnosis.findings],
        "experiments": [experiment(e) for e in diagnosis.experiments],
        **answers(diagnosis),
    }


def subject(diagnosis: Diagnosis, frame: Frame) -> dict[str, object]:
    """Who examined what."""
    examined = diagnosis.subject
    return {
        "tool": {"name": "osler", "version": frame.version},
        "subject": {
            "command": examined.command,
            "script": examined.script or None,
            "steps": examined.steps,
            "exit_code": examined.exit_code,
            "run": examined.run or None,
        },
    }


def coverage(diagnosis: Diagnosis) -> dict[str, object]:
    """How much was seen, and what it cost."""
    seen, cost = diagnosis.coverage, diagnosis.cost
    return {
        "coverage": {
            "modules_seen": seen.modules_seen,
            "modules_total": seen.modules_total,
            "blind": [*seen.blind, *cost.failures],
        },
        "overhead": {
            "limit": cost.limit,
            "measured": round(cost.measured, 6),
            "sampled": round(cost.sampled, 6),
        },
    }


def answers(diagnosis: Diagnosis) -> dict[str, object]:
    """Which checks gave an answer, and why the others gave none."""
    return {
        "checked": list(diagnosis.checked),
        "not_applicable": reasons(diagnosis.not_applicable),
        "failed": reasons(diagnosis.failed),
    }


def groups(diagnosis: Diagnosis) -> list[dict[str, object]]:
    """Causes and symptoms as positions in the list of findings."""
    described: list[dict[str, object]] = []
    cause = 0
    for group in diagnosis.groups:
        end = cause + 1 + len(group.symptoms)
        described.append({"cause": cause, "symptoms": list(range(cause + 1, end))})
        cause = end
    return described


def reasons(by_check: Mapping[str, str]) -> list[dict[str, str]]:
    """Checks that gave no answer, with the reason."""
    return [{"check": name, "reason": reason} for name, reason in by_check.items()]


def finding(seen: Finding, frame: Frame) -> dict[str, object]:
    """One finding."""
    return {
        "check": seen.check,
        "severity": seen.severity.label,
        "confidence": seen.confidence.value,
        "message": seen.message,
        "expected": seen.expected,
        "why": seen.why,
        "fix": seen.fix,
        "place": place(seen.place, frame.root),
        "related": [related(r, frame.root) for r in seen.related],
        "evidence": [evidence(e) for e in seen.evidence],
        "seen_by": list(seen.seen_by),
        "fingerprint": fingerprint(seen, frame),
        "patch": None,
        "proof": None,
        "suppressed": seen.suppressed,
    }


def experiment(answer: Answer) -> dict[str, object]:
    """One question of a pre-flight."""
    return {
        "name": answer.name,
        "question": answer.question,
        "answer": answer.answer or None,
        "values": {name: number(value) for name, value in answer.values.items()},
        "seconds": round(answer.seconds, 3),
        "skipped": answer.skipped or None,
    }


def place(where: Place, root: Path) -> dict[str, object]:
    """One place. Columns are not known from running a program."""
    span = where.span
    return {
        "file": relative(where.file, root) if where.file else None,
        "line": where.line or None,
        "column": span and span.column,
        "end_line": span and span.end_line,
        "end_column": span and span.end_column,
        "step": where.step,
        "subject": where.subject or None,
        "rank": where.rank,
        "cell": where.cell,
    }


def related(other: Related, root: Path) -> dict[str, object]:
    """One place that takes part."""
    file = relative(other.place.file, root) if other.place.file else None
    return {"file": file, "line": other.place.line or None, "label": other.label}


def evidence(item: Evidence) -> dict[str, object]:
    """One number with what was expected."""
    return {
        "measure": item.measure,
        "value": number(item.value),
        "expected": item.expected or None,
        "unit": item.unit or None,
        "step": item.step,
    }


def number(value: float | None) -> float | str | None:
    """A value; JSON has none for NaN and infinity, so these are texts."""
    return value if value is None or math.isfinite(value) else str(value)


def fingerprint(seen: Finding, frame: Frame) -> str:
    """Recognises the same finding in another run, even if lines were added above it."""
    file = relative(seen.place.file, frame.root) if seen.place.file else ""
    parts = (seen.check, file, frame.sources.line(seen.place), seen.place.subject)
    text = "\0".join(parts).encode("utf-8", "surrogatepass")
    return hashlib.sha256(text).hexdigest()[:FINGERPRINT_DIGITS]
