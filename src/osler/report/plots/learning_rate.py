"""The learning rate of each optimizer over the steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from osler.report.plots.course import draw_curves
from osler.report.plots.pictured import Pictured

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(seen: Pictured, figure: Figure) -> None:
    """Every learning rate of the run."""
    draw_curves(figure.subplots(), seen.curves.of("learning_rate"), "Learning rate")
