"""The diagnosis as JSON Lines: the subject, one line per finding, the coverage; for `jq`, `grep` and logs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from osler.model import Diagnosis
from osler.report import json
from osler.report.frame import Frame

SUFFIX = ".jsonl"
SCHEMA = "osler.lines/1"


def render(diagnosis: Diagnosis, frame: Frame) -> str:
    """One JSON document per line; a file without a coverage line was cut."""
    compact = replace(frame, compact=True)
    return "".join(json.written(line, compact) for line in lines(diagnosis, frame))


def lines(diagnosis: Diagnosis, frame: Frame) -> Iterator[dict[str, object]]:
    """The lines as plain values; ``type`` says what each one is, the rest is as in `osler.report/1`."""
    yield {"type": "subject", "schema": SCHEMA, **json.subject(diagnosis, frame)}
    for group in diagnosis.groups:
        cause = json.finding(group.cause, frame)
        yield {"type": "finding", "explained_by": None, **cause}
        for symptom in group.symptoms:
            yield {"type": "finding", "explained_by": cause["fingerprint"], **json.finding(symptom, frame)}
    yield {"type": "coverage", **json.coverage(diagnosis), **json.answers(diagnosis)}
