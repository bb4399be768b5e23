"""The loss over the steps, with the first step of each finding marked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from osler.report.plots.course import draw_curves
from osler.report.plots.pictured import Pictured

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(seen: Pictured, figure: Figure) -> None:
    """Every loss of the run."""
    axes = figure.subplots()
    draw_curves(axes, seen.curves.of("loss"), "Loss")
    for finding in seen.diagnosis.headlines:
        if finding.place.step is not None:
            axes.axvline(finding.place.step, color="#b3261e", linestyle="--", linewidth=1)
            axes.annotate(
                finding.check,
                (finding.place.step, 1.0),
                xycoords=("data", "axes fraction"),
                xytext=(3, -10),
                textcoords="offset points",
                color="#b3261e",
                fontsize=8,
            )
