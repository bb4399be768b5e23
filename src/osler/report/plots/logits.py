"""What each loss is given: how its numbers are distributed, and whether they are what the loss wants."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from osler.model.evidence import LossCall
from osler.model.histogram import BELOW, LOWEST
from osler.report.page.data import nature
from osler.report.page.texts import spot
from osler.report.plots.pictured import NothingToPlot, Pictured
from osler.report.wording import number, printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MEASURE = "loss_input"

WANTED: Mapping[str, str] = MappingProxyType(
    {
        "cross_entropy": "logits",
        "binary_cross_entropy_with_logits": "logits",
        "nll_loss": "log-probabilities",
        "kl_div": "log-probabilities",
        "binary_cross_entropy": "probabilities",
    }
)
"""What the first argument of a loss must be."""

MADE: Mapping[str, str] = MappingProxyType(
    {
        "sigmoid": "probabilities",
        "softmax": "probabilities",
        "log_softmax": "log-probabilities",
        "logsigmoid": "log-probabilities",
        **dict.fromkeys(("linear", "addmm", "mm", "convolution"), "logits"),
    }
)
"""What the functions make that end a network."""

POWERS = 10
"""Powers of two that are told apart on either side of 0; what is smaller is shown as 0."""

COLORS = ("#0b5cad", "#b34700")


def draw(seen: Pictured, figure: Figure) -> None:
    """A panel for each loss: the shares of its numbers by sign and size, at the first and last sampled step.

    Logits lie on both sides of 0, probabilities in the green band from 0 to 1, log-probabilities left of 0.
    """
    names = [s.name for s in seen.process.histograms.values() if s.name.split(":")[0] == MEASURE]
    names = [name for name in names if len(seen.process.histogram(name)[0])]
    if not names:
        raise NothingToPlot("no input of a loss was sampled")
    figure.set_size_inches(8.0, 3.6 * len(names))
    panels: list[Axes] = figure.subplots(len(names), squeeze=False)[:, 0].tolist()
    for axes, name in zip(panels, names, strict=True):
        shares(axes, seen, name)
        title, is_wrong = contract(seen, name)
        axes.set_title(title, fontsize=9, color="#b3261e" if is_wrong else "black")


def shares(axes: Axes, seen: Pictured, name: str) -> None:
    """The distribution at the first and the last sampled step."""
    steps, bins, zeros, *_ = seen.process.histogram(name)
    below = negatives(seen, name)
    known = [n for n, step in enumerate(steps) if int(step) in below]
    top = int(np.flatnonzero(bins.sum(axis=0)).max(initial=-LOWEST)) + 1
    bottom = max(0, top - POWERS)
    for place, color in zip(dict.fromkeys((known[0], known[-1]) if known else ()), COLORS, strict=False):
        counts = signed(bins[place], below[int(steps[place])], int(zeros[place]), bottom, top)
        share = counts / max(1, counts.sum())
        axes.stairs(share, np.arange(len(share) + 1), color=color, fill=True, alpha=0.25)
        axes.stairs(share, np.arange(len(share) + 1), color=color, label=f"step {int(steps[place])}")
    span = top - bottom
    middle = span + 1
    one = middle + min(span, max(0, -LOWEST - bottom))
    axes.axvspan(middle - 0.5, one, color="#14683a", alpha=0.08, label="0 … 1: probabilities")
    axes.axvline(middle - 0.5, color="#454d57", linewidth=0.8)
    sizes = [2.0 ** (LOWEST + bottom + n) for n in range(span + 1)]
    edges = [*(-s for s in reversed(sizes)), *sizes]
    axes.set_xticks(range(len(edges)), [number(e) for e in edges], rotation=60, fontsize=7)
    axes.set(xlabel="value (0 stands in the middle)", ylabel="share of the numbers")
    axes.legend()


def negatives(seen: Pictured, name: str) -> dict[int, NDArray[np.int64]]:
    """The bins of the negative numbers by step."""
    measure, colon, subject = name.partition(":")
    steps, bins, *_ = seen.process.histogram(f"{measure}{BELOW}{colon}{subject}")
    return {int(step): bins[n].astype(np.int64) for n, step in enumerate(steps)}


def signed(
    bins: NDArray[np.integer], below: NDArray[np.int64], zeros: int, bottom: int, top: int
) -> NDArray[np.int64]:
    """Counts from the largest negative numbers over those near 0 to the largest positive ones."""
    above = bins.astype(np.int64) - below
    near = int(bins[:bottom].sum()) + zeros
    return np.concatenate([below[bottom:top][::-1], [near], above[bottom:top]])


def contract(seen: Pictured, name: str) -> tuple[str, bool]:
    """What the loss of a series wants and what it was given, in words; and whether these differ."""
    subject = name.partition(":")[2]
    others = {s.name.partition(":")[2] for s in seen.process.histograms.values()}
    known: dict[LossCall, tuple[str, str]] = {
        key: (MADE.get(call.made_by, ""), call.made_by) for key, call in seen.run.loss_calls.items()
    }
    known |= {key: (nature(fact), fact.made_by) for key, fact in seen.run.losses.items() if fact.rows}
    for (function, site), (given, origin) in known.items():
        label = f"{site[0].file.rpartition('/')[2]}:{site[0].line}" if site else ""
        if label == subject or (not subject and label not in others):
            return told(function, spot(site[0], seen.root) if site else "", given, origin)
    return f"the loss at {printable(subject)}" if subject else "the loss", False


def told(function: str, place: str, given: str, origin: str) -> tuple[str, bool]:
    """A title, and whether it tells of a mistake: logarithms of probabilities are good logits too."""
    wanted = WANTED.get(function, "")
    good = (wanted, "log-probabilities") if wanted == "logits" else (wanted,)
    is_wrong = bool(wanted) and given in WANTED.values() and given not in good
    parts = [
        f"{function} at {place}" if place else function,
        f"wants {wanted}" if wanted else "",
        f"was given {given}" if given else "",
    ]
    maker = f" from {origin}" if given and origin in MADE and MADE[origin] == given else ""
    return printable(
        ": ".join([parts[0], ", ".join(filter(None, parts[1:]))]).removesuffix(": ") + maker
    ), is_wrong
