"""Draw curves over the steps as the page does: mean, band from smallest to largest, odd values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from osler.report.page.curves import FIRST_OF, Curve
from osler.report.plots.pictured import NothingToPlot
from osler.report.wording import printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLORS = ("#0b5cad", "#b34700", "#1a7340", "#8a3ea8", "#8a6100", "#b3265a")
LOG_FROM = 1_000.0
"""Ratio of largest to smallest value from which the axis is logarithmic."""


def draw_curves(axes: Axes, curves: Sequence[Curve], title: str) -> None:
    """Draw series over the steps.

    Raises:
        NothingToPlot: there are none.
    """
    if not curves:
        raise NothingToPlot(f"the run has no {title.lower()}")
    for number, curve in enumerate(curves):
        draw_curve(axes, curve, COLORS[number % len(COLORS)])
    finite = np.concatenate([c.course.mean[np.isfinite(c.course.mean)] for c in curves])
    if len(finite) and finite.min() > 0 and finite.max() / finite.min() >= LOG_FROM:
        axes.set_yscale("log")
    unit = curves[0].unit
    axes.set(title=title, xlabel="step", ylabel=unit if unit and unit != "per step" else "")
    axes.grid(color="#e3e7ec")
    if len(curves) > 1:
        axes.legend()


def draw_curve(axes: Axes, curve: Curve, color: str) -> None:
    """Draw one series, with a cross below for NaN and a triangle above for infinity."""
    course = curve.course
    label = printable(curve.subject) or FIRST_OF.get(curve.measure, curve.measure)
    mean, low, high = (np.where(np.isfinite(c), c, np.nan) for c in (course.mean, course.low, course.high))
    axes.plot(course.start, mean, color=color, label=label, marker="." if len(mean) < 60 else None)
    if not np.array_equal(low, high, equal_nan=True):
        axes.fill_between(course.start, low, high, color=color, alpha=0.2, linewidth=0)
    places = axes.get_xaxis_transform()
    for marked, sign, at in ((course.nans > 0, "x", 0.03), (course.high == np.inf, "^", 0.97)):
        steps = course.start[marked]
        axes.plot(steps, np.full(len(steps), at), sign, color="#b3261e", transform=places, clip_on=False)
