"""The operations behind the loss, and in red where the gradient is cut, with the line of each cut."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from osler.model import counted
from osler.report.page.graph import graph
from osler.report.plots.boxes import Box, draw_boxes
from osler.report.plots.pictured import NothingToPlot, Pictured

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(seen: Pictured, figure: Figure) -> None:
    """The graph that a cut to blame belongs to, else the first."""
    page = cast("dict[str, Any]", graph(seen.run, seen.diagnosis, seen.root))
    wrong = [c for c in page["cuts"] if c["wrong"]]
    where = wrong[0]["backward"] if wrong else page["autograd"][0]["place"] if page["autograd"] else ""
    chosen = next((g for g in page["autograd"] if g["place"] == where), None)
    if chosen is None and not wrong:
        raise NothingToPlot("no autograd graph was seen")
    nodes = list(reversed(chosen["nodes"])) if chosen else []
    boxes = [Box(f"{n['name']} ({n['module']})" if n["module"] else n["name"]) for n in nodes] or [
        Box("loss")
    ]
    last = len(boxes) - 1
    edges = [(last - a, last - b) for a, b in chosen["edges"]] if chosen else []
    cuts: list[Box] = []
    for cut in (c for c in wrong if c["backward"] == where):
        cuts += [
            Box(counted(len(cut["unreached"]), "parameter"), is_red=True),
            Box(f"{cut['operation'].strip('`')} {cut['place']}", is_red=True),
        ]
    shift = len(cuts)
    edges = [(a + shift, b + shift) for a, b in edges]
    for number in range(0, shift, 2):
        edges += [(number, number + 1), (number + 1, last + shift)]
    draw_boxes(figure, [*cuts, *boxes], edges, f"Operations behind {where or 'the loss'}")
