"""The page of the verdict: what is wrong, where, how that is known, what to do, and what was not checked."""

from __future__ import annotations

from osler.model import Diagnosis, Finding
from osler.report import json
from osler.report.frame import Frame
from osler.report.page.curves import Curves
from osler.report.source import Excerpt, excerpts
from osler.report.summary import opening, summary
from osler.report.wording import relative, where

LINE_LENGTH = 200
"""Characters of a source line that are kept."""


def verdict(diagnosis: Diagnosis, frame: Frame, curves: Curves) -> dict[str, object]:
    """The report as JSON formats have it, with what a page shows beside it.

    Keys: those of ``osler.report/1``; ``opening`` and ``summary``: sentences; ``places``, ``excerpts`` and
    ``chart``: for each finding its place in a few characters, source lines, and the series that shows it.
    """
    return {
        "report": json.report(diagnosis, frame),
        "opening": list(opening(diagnosis)),
        "summary": list(summary(diagnosis)),
        "places": [where(f.place, frame.root) for f in diagnosis.findings],
        "excerpts": [[excerpt(e, frame) for e in excerpts(f, frame.sources)] for f in diagnosis.findings],
        "charts": [chart(f, curves) for f in diagnosis.findings],
    }


def excerpt(shown: Excerpt, frame: Frame) -> dict[str, object]:
    """Lines of one file."""
    lines = [
        {"number": n.number, "text": n.text[:LINE_LENGTH], "guilty": n.guilty, "label": n.label}
        for n in shown.lines
    ]
    return {"file": relative(shown.file, frame.root), "lines": lines}


def chart(finding: Finding, curves: Curves) -> int | None:
    """Position of the series that shows a finding: its measure, its subject's gradients, the loss."""
    if finding.place.step is None:
        return None
    subject = finding.place.subject
    measures = ["_".join(e.measure.split()) for e in finding.evidence]
    names = [f"gradient_norm:{subject}"] if subject else []
    for name in [*measures, *names, "loss"]:
        place = curves.place(name)
        if place is not None:
            return place
    return None
