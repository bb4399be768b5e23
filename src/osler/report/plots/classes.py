"""How often each class was a target in the batches that were sampled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from osler.report.page.data import classes
from osler.report.plots.pictured import NothingToPlot, Pictured
from osler.report.wording import percent, printable

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(seen: Pictured, figure: Figure) -> None:
    """A bar per class."""
    found = classes(seen.curves)
    if not found:
        raise NothingToPlot("no loss with class ids was computed")
    axes = figure.subplots()
    bars = axes.bar([printable(c.name) for c in found], [c.seen for c in found], color="#0b5cad")
    if len(found) <= 20:
        axes.bar_label(bars, [percent(c.share) for c in found], fontsize=8)
    axes.set(title="Targets by class, of the batches that were sampled", xlabel="class", ylabel="targets")
