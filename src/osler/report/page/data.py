"""The page of the data: loaders, batches, classes, the scale of the inputs, and what the losses are given."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from osler.model import LossInputFact, Run
from osler.model.histogram import BELOW, LOWEST
from osler.report.page.curves import Curve, Curves
from osler.report.page.texts import spot
from osler.store.process import StoredProcess

SCALES = ("input_mean", "input_std", "input_absmax")

MOST_HISTOGRAMS = 60
"""Steps for which the sizes of a loss's inputs are shown."""

Named = dict[str, object]


@dataclass(frozen=True, slots=True)
class ClassCount:
    """How often a class id was a target in the batches that were sampled."""

    name: str
    seen: int
    share: float


def data(process: StoredProcess, curves: Curves, root: Path) -> Named:
    """What is known about the data.

    Keys: ``loaders``; ``sizes`` and ``scales``: positions of series; ``classes`` with ``seen`` and ``share``,
    and the position of the series of each; ``losses``: the inputs of classification losses; ``histograms``.
    """
    run = process.run
    return {
        "loaders": [loader(run, name) for name in run.loaders],
        "sizes": curves.places(curves.of("batch_size")),
        "scales": curves.places(curves.of(*SCALES)),
        "classes": [
            {
                "name": c.name,
                "seen": c.seen,
                "share": c.share,
                "series": curves.place(f"label_count:{c.name}"),
            }
            for c in classes(curves)
        ],
        "losses": [loss_input(fact, root) for fact in run.losses.values() if fact.rows],
        "histograms": [
            h
            for s in process.histograms.values()
            if not s.name.partition(":")[0].endswith(BELOW) and (h := histogram(process, s.name))
        ],
    }


def loader(run: Run, name: str) -> Named:
    """One loader."""
    fact = run.loaders[name]
    evaluates = name in run.context.evaluation_loaders
    trains = name in run.context.training_loaders
    use = "training" if trains else "evaluation" if evaluates else "not seen in use"
    return {
        "name": name,
        "use": use,
        "samples": fact.samples if fact.samples >= 0 else None,
        "batch_size": fact.batch_size or None,
        "batches": fact.batches if fact.batches >= 0 else None,
        "last": fact.last_size or None,
        "order": fact.order,
        "begun": fact.begun,
    }


def classes(curves: Curves) -> list[ClassCount]:
    """Targets by class id, added over the batches that were sampled, in the order of the ids."""
    counts = {c.subject: total(c) for c in curves.of("label_count") if c.subject}
    whole = sum(counts.values()) or 1.0
    ordered = sorted(counts, key=lambda n: (not n.isdigit(), int(n) if n.isdigit() else 0, n))
    return [ClassCount(n, round(counts[n]), counts[n] / whole) for n in ordered]


def total(curve: Curve) -> float:
    """The sum of all values of a series."""
    course = curve.course
    return float(np.nansum(course.mean * (course.count - course.nans)))


def loss_input(fact: LossInputFact, root: Path) -> Named:
    """What the first argument of a loss is, by its values."""
    return {
        "function": fact.function,
        "place": spot(fact.site[0], root) if fact.site else "",
        "rows": fact.rows,
        "classes": fact.classes,
        "lowest": fact.lowest,
        "highest": fact.highest,
        "sum_low": fact.sum_low,
        "sum_high": fact.sum_high,
        "are": nature(fact),
        "made_by": fact.made_by,
        "made_at": spot(fact.made_at[0], root) if fact.made_at else "",
    }


def nature(fact: LossInputFact) -> str:
    """Logits, probabilities or log-probabilities."""
    if fact.are_probabilities:
        return "probabilities"
    if fact.are_log_probabilities:
        return "log-probabilities"
    return "logits" if fact.tested else "unknown: too few rows"


def histogram(process: StoredProcess, name: str) -> Named | None:
    """Counts by powers of two, some steps of many; only the powers that occur."""
    steps, bins, zeros, negatives, nans, infinities = process.histogram(name)
    if not len(steps):
        return None
    chosen = np.unique(np.linspace(0, len(steps) - 1, min(MOST_HISTOGRAMS, len(steps))).astype(int))
    used = np.flatnonzero(bins.sum(axis=0))
    first, last = (int(used[0]), int(used[-1])) if len(used) else (-LOWEST, -LOWEST)
    return {
        "name": name,
        "steps": steps[chosen].tolist(),
        "power": first + LOWEST,
        "bins": bins[chosen, first : last + 1].tolist(),
        "zeros": zeros[chosen].tolist(),
        "negatives": negatives[chosen].tolist(),
        "nans": nans[chosen].tolist(),
        "infinities": infinities[chosen].tolist(),
    }
