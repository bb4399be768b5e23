"""Draw a graph as boxes in rows, each below what it uses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from osler.report.wording import printable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_BOXES = 300
"""Boxes in one picture, as on the page."""

LONGEST = 36
"""Characters of a label."""


@dataclass(frozen=True, slots=True)
class Box:
    """A node.

    Attributes:
        label: what stands in it.
        is_red: the gradient does not get through or past it.
    """

    label: str
    is_red: bool = False


def draw_boxes(figure: Figure, boxes: Sequence[Box], edges: Sequence[tuple[int, int]], title: str) -> None:
    """Draw; of more boxes than can be read, the first are kept."""
    kept = boxes[:MOST_BOXES]
    inside = [(a, b) for a, b in edges if a < len(kept) and b < len(kept) and a != b]
    rows = ranks(len(kept), inside)
    levels: dict[int, list[int]] = {}
    for node, row in enumerate(rows):
        levels.setdefault(row, []).append(node)
    widest = max((len(level) for level in levels.values()), default=1)
    figure.set_size_inches(min(40.0, max(5.0, 2.4 * widest)), min(100.0, max(2.5, 0.62 * len(levels) + 0.8)))
    axes = figure.subplots()
    at = {
        n: (i - (len(level) - 1) / 2, -float(row))
        for row, level in levels.items()
        for i, n in enumerate(level)
    }
    for a, b in inside:
        red = kept[a].is_red
        arrow = {"arrowstyle": "->", "color": "#b3261e" if red else "#4d5661", "shrinkA": 9, "shrinkB": 9}
        arrow |= {"linestyle": "--" if red else "-"}
        axes.annotate("", at[b], at[a], arrowprops=arrow)
    for number, box in enumerate(kept):
        edge, paper = ("#b3261e", "#fdecea") if box.is_red else ("#4d5661", "#ffffff")
        frame = {"boxstyle": "round,pad=0.35", "facecolor": paper, "edgecolor": edge}
        axes.text(*at[number], cropped(box.label), ha="center", va="center", fontsize=8, bbox=frame)
    axes.set_xlim(-widest / 2, widest / 2)
    axes.set_ylim(-len(levels) + 0.4, 0.6)
    left_out = len(boxes) - len(kept)
    axes.set_title(f"{title}, {left_out} more are not drawn" if left_out else title)
    axes.set_axis_off()


def ranks(amount: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    """The row of each node: below all that it uses, right above what uses it. Ways back do not count."""
    rows = [0] * amount
    forward = sorted((a, b) for a, b in edges if a < b)
    for a, b in forward:
        rows[b] = max(rows[b], rows[a] + 1)
    users: dict[int, list[int]] = {}
    for a, b in forward:
        users.setdefault(a, []).append(b)
    for node in sorted(users, reverse=True):
        rows[node] = min(rows[user] for user in users[node]) - 1
    return rows


def cropped(label: str) -> str:
    """A label that fits, and that no name turns into mathematics."""
    text = printable(label).replace("$", r"\$")
    return text if len(text) <= LONGEST else f"{text[:12]}…{text[13 - LONGEST :]}"
