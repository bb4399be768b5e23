"""The page of the course: every measure of the whole program over the same steps, with what happened."""

from __future__ import annotations

from osler.model import Diagnosis, Run
from osler.report.page.curves import Curve, Curves

FIRST = ("loss", "accuracy")
"""Measures that are looked at first."""

LAST = (
    "learning_rate",
    "gradient_norm",
    "clip_ratio",
    "update_ratio",
    "parameter_norm",
    "step_seconds",
    "loader_seconds",
    "memory",
)
"""Measures that come after the user's own."""

ELSEWHERE = ("batch_size", "label_count", "input_mean", "input_std", "input_absmax")
"""Measures that the page of the data shows."""

MOST_TOGETHER = 6
"""Series in one panel: more colours are not told apart."""

MOST_VISITS = 2_000
"""Steps with an evaluation that are marked."""

PAGE_TITLES = {
    "loss": "Loss",
    "accuracy": "Accuracy of the batch",
    "learning_rate": "Learning rate",
    "gradient_norm": "Gradient norm",
    "clip_ratio": "Gradient norm over the clipping limit",
    "update_ratio": "Update ratio",
    "parameter_norm": "Parameter norm",
    "step_seconds": "Time per step",
    "loader_seconds": "Time waiting for a batch",
    "memory": "Memory",
}
"""Titles of panels; other measures are called as the user calls them."""


def timeline(run: Run, diagnosis: Diagnosis, curves: Curves) -> dict[str, object]:
    """What is drawn over the steps.

    Keys: ``panels`` with title and positions of series; ``pins``: findings by step; ``evaluations``: steps at
    which an evaluation ran; ``more``: positions of series that are in no panel.
    """
    groups = together(run, curves)
    in_panels = {c.name for found in groups.values() for c in found}
    return {
        "panels": [
            {
                "title": PAGE_TITLES.get(measure, measure),
                "series": curves.places(found),
                "unit": found[0].unit,
            }
            for measure, found in groups.items()
        ],
        "pins": [
            {"step": finding.place.step, "finding": number}
            for number, finding in enumerate(diagnosis.findings)
            if finding.place.step is not None and not finding.suppressed
        ],
        "evaluations": evaluations(run, curves),
        "more": curves.places(c for c in curves.all if c.name not in in_panels),
    }


def together(run: Run, curves: Curves) -> dict[str, list[Curve]]:
    """The curves of each measure that are not about a parameter, module or class, in order."""
    parts = {name for p in run.parameters.values() for name in (p.series or p.name, p.full_name)} | set(
        run.modules
    )
    groups: dict[str, list[Curve]] = {}
    for curve in curves.all:
        if curve.subject not in parts and curve.measure not in ELSEWHERE and not within(curve, run):
            groups.setdefault(curve.measure, []).append(curve)
    order = [*FIRST, *sorted(set(groups) - {*FIRST, *LAST}), *LAST]
    return {m: groups[m][:MOST_TOGETHER] for m in order if m in groups}


def within(curve: Curve, run: Run) -> bool:
    """Whether a norm is that of one tensor although no parameter is known by its name."""
    return curve.measure.endswith("_norm") and bool(curve.subject) and curve.subject not in run.optimizers


def evaluations(run: Run, curves: Curves) -> list[int]:
    """Steps after which batches of an evaluation loader were handed out."""
    steps: set[int] = set()
    for number, loader in enumerate(run.loaders):
        if loader in run.context.evaluation_loaders:
            name = f"batch_size:{loader}" if number else "batch_size"
            place = curves.place(name)
            steps.update(curves.all[place].course.start.tolist() if place is not None else ())
    return sorted(steps)[:MOST_VISITS]
