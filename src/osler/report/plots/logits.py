"""What each loss is given, logits, probabilities or log-probabilities: their sizes and ranges."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from osler.model.histogram import LOWEST
from osler.report.page.data import nature
from osler.report.plots.pictured import NothingToPlot, Pictured
from osler.report.wording import number, printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def draw(seen: Pictured, figure: Figure) -> None:
    """A panel for each histogram of a loss's input: first and last step that was sampled."""
    names = [s.name for s in seen.process.histograms.values() if s.name.split(":")[0] == "loss_input"]
    names = [name for name in names if len(seen.process.histogram(name)[0])]
    if not names:
        raise NothingToPlot("no input of a loss was sampled")
    figure.set_size_inches(8.0, 3.2 * len(names) + 0.6)
    panels: list[Axes] = figure.subplots(len(names), squeeze=False)[:, 0].tolist()
    for axes, name in zip(panels, names, strict=True):
        sizes(axes, seen, name)
    facts = [f for f in seen.run.losses.values() if f.rows]
    told = [
        f"{f.function} was given {nature(f)}: entries {number(f.lowest)} … {number(f.highest)}, "
        f"row sums {number(f.sum_low)} … {number(f.sum_high)}"
        for f in facts
    ]
    figure.suptitle("\n".join(told) or "What the losses are given", fontsize=9)


def sizes(axes: Axes, seen: Pictured, name: str) -> None:
    """Shares of the numbers by size, at the first and the last sampled step."""
    steps, bins, zeros, negatives, *_ = seen.process.histogram(name)
    for place, color in dict.fromkeys(((0, "#0b5cad"), (len(steps) - 1, "#b34700"))):
        total = int(bins[place].sum() + zeros[place])
        share = bins[place] / max(1, total)
        below = int(negatives[place]) / max(1, total)
        label = f"step {int(steps[place])}: {below:.0%} negative"
        axes.stairs(share, np.arange(LOWEST, LOWEST + len(share) + 1), color=color, label=label)
    used = np.flatnonzero(bins.sum(axis=0))
    if len(used):
        axes.set_xlim(LOWEST + used[0] - 1, LOWEST + used[-1] + 2)
    axes.xaxis.set_major_formatter(lambda power, _: number(2.0**power))
    axes.set(title=printable(name), xlabel="size of the numbers", ylabel="share")
    axes.legend()
