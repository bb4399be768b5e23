"""The gradient norm of every parameter over the steps as a heat map."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from osler.report.page.layers import by_owner, parameters
from osler.report.plots.pictured import NothingToPlot, Pictured
from osler.report.wording import printable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_ROWS = 200
"""Parameters in one picture: more lines than that cannot be read."""


def draw(seen: Pictured, figure: Figure) -> None:
    """A row per parameter in the order of the model, a column per stretch of steps; the largest value."""
    from matplotlib.colors import LogNorm

    owned = by_owner(seen.run, seen.curves)
    places = {
        key: owned[key]["gradient_norm"]
        for key in parameters(seen.run)
        if "gradient_norm" in owned.get(key, {})
    }
    if not places:
        raise NothingToPlot("no gradient norm of a single parameter was recorded")
    names = list(places)[:MOST_ROWS]
    courses = [seen.curves.all[places[name]].course for name in names]
    steps = sorted({int(step) for course in courses for step in course.start})
    columns = {step: number for number, step in enumerate(steps)}
    heat = np.full((len(names), len(steps)), np.nan)
    for row, course in enumerate(courses):
        heat[row, [columns[int(step)] for step in course.start]] = course.high
    figure.set_size_inches(8.0, max(3.0, 0.17 * len(names) + 1.2))
    axes = figure.subplots()
    positive = heat[np.isfinite(heat) & (heat > 0)]
    norm = LogNorm(positive.min(), positive.max()) if len(positive) else None
    edges = [*steps, steps[-1] + max(1, steps[-1] - steps[-2] if len(steps) > 1 else 1)]
    shown = axes.pcolormesh(
        edges, np.arange(len(names) + 1), np.ma.masked_invalid(heat), norm=norm, cmap="viridis"
    )
    axes.set_yticks(np.arange(len(names)) + 0.5, [printable(name) for name in names], fontsize=7)
    axes.invert_yaxis()
    axes.set(
        title="Gradient norm by parameter (grey: none or not finite)", xlabel="step", facecolor="#c9ced5"
    )
    figure.colorbar(shown, ax=axes)
