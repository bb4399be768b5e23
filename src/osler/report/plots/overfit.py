"""The loss in each turn while a pre-flight had the loop memorise a few samples, at each learning rate."""

from __future__ import annotations

from textwrap import fill
from typing import TYPE_CHECKING

import numpy as np

from osler.model import Answer
from osler.report.page.preflight import Trace, traces
from osler.report.plots.course import COLORS, LOG_FROM
from osler.report.plots.pictured import NothingToPlot, Pictured
from osler.report.wording import printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FLOOR = "floor"
"""Name of the number of an experiment below which no model gets."""


WIDEST = 100
"""Characters of a line of the title."""


def draw(seen: Pictured, figure: Figure) -> None:
    """A panel for each experiment that measured a curve."""
    asked = [answer for answer in seen.diagnosis.experiments if any(traces(answer))]
    if not asked:
        raise NothingToPlot("no experiment of a pre-flight measured a curve in this run")
    figure.set_size_inches(8.0, 3.6 * len(asked) + 0.6)
    panels: list[Axes] = figure.subplots(len(asked), squeeze=False)[:, 0].tolist()
    for axes, answer in zip(panels, asked, strict=True):
        draw_answer(axes, answer)


def draw_answer(axes: Axes, answer: Answer) -> None:
    """The curves of one experiment below its question and its answer."""
    shown = list(traces(answer))
    for number, trace in enumerate(shown):
        draw_trace(axes, trace, COLORS[number % len(COLORS)])
    finite = np.array([v for trace in shown for v in trace.y if np.isfinite(v)])
    if len(finite) and finite.min() > 0 and finite.max() / finite.min() >= LOG_FROM:
        axes.set_yscale("log")
    if floor := answer.values.get(FLOOR):
        axes.axhline(floor, color="#4d5661", linestyle="--", linewidth=1, label="floor: no model gets below")
    title = [fill(printable(text), WIDEST) for text in (answer.question, answer.answer)]
    axes.set_title("\n".join(title), fontsize=9, parse_math=False)
    axes.set(xlabel="turn", ylabel=shown[0].measure)
    axes.grid(color="#e3e7ec")
    if len(shown) > 1 or floor:
        axes.legend()


def draw_trace(axes: Axes, trace: Trace, color: str) -> None:
    """One curve; a cross below is NaN and a triangle above infinite."""
    values = np.array(trace.y)
    turns = np.array(trace.x)
    drawn = np.where(np.isfinite(values), values, np.nan)
    axes.plot(turns, drawn, color=color, label=printable(trace.name), marker="." if len(turns) < 60 else None)
    places = axes.get_xaxis_transform()
    for odd, sign, at in ((np.isnan(values), "x", 0.03), (np.isinf(values), "^", 0.97)):
        where = turns[odd]
        if not len(where):  # an empty line upsets the layout
            continue
        axes.plot(where, np.full(len(where), at), sign, color="#b3261e", transform=places, clip_on=False)
