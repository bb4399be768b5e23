"""How large the gradient of each parameter was, from the first layer to the last."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from osler.report.page.layers import by_owner, parameters
from osler.report.plots.pictured import NothingToPlot, Pictured
from osler.report.wording import printable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_NAMES = 60
"""Parameters whose names are written; of more, every second, third …"""


def draw(seen: Pictured, figure: Figure) -> None:
    """Mean, smallest and largest gradient norm over the run, by parameter in the order of the model."""
    owned = by_owner(seen.run, seen.curves)
    flow = [
        (key, owned.get(key, {}).get("gradient_norm"), p)
        for key, p in parameters(seen.run).items()
        if p.trainable
    ]
    known = [(key, seen.curves.all[n].course) for key, n, _ in flow if n is not None]
    if not known:
        raise NothingToPlot("no gradient norm of a single parameter was recorded")
    lost = [n for n, (_, place, p) in enumerate(flow) if place is None and not p.reached]
    at = [n for n, (_, place, _) in enumerate(flow) if place is not None]
    mean = np.array([mean_of(course.mean) for _, course in known])
    low = np.array([np.nanmin(course.low) for _, course in known])
    high = np.array([np.nanmax(course.high) for _, course in known])
    figure.set_size_inches(max(8.0, min(24.0, 0.22 * len(flow))), 5.0)
    axes = figure.subplots()
    axes.fill_between(at, low, high, color="#0b5cad", alpha=0.2, label="smallest to largest of the run")
    axes.plot(at, mean, color="#0b5cad", marker=".", label="mean of the run")
    places = axes.get_xaxis_transform()
    if lost:
        (marks,) = axes.plot(lost, np.zeros(len(lost)), "x", color="#b3261e", label="no gradient")
        marks.set_transform(places)
        marks.set_clip_on(False)
    if (low > 0).all():
        axes.set_yscale("log")
    stride = -(-len(flow) // MOST_NAMES)
    ticks = range(0, len(flow), stride)
    axes.set_xticks(list(ticks), [printable(flow[n][0]) for n in ticks], rotation=90, fontsize=7)
    axes.set(title="Gradient flow", ylabel="gradient norm")
    axes.grid(color="#e3e7ec")
    axes.legend()


def mean_of(values: NDArray[np.float64]) -> float:
    """The mean of what is finite; NaN if nothing is."""
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if len(finite) else float("nan")
