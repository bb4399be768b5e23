"""How data flows between modules with parameters; equal blocks once, modules behind a cut in red."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from osler.report.page.graph import graph
from osler.report.plots.boxes import Box, draw_boxes
from osler.report.plots.pictured import NothingToPlot, Pictured

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(seen: Pictured, figure: Figure) -> None:
    """Boxes from top to bottom in the order of the calls."""
    page = cast("dict[str, Any]", graph(seen.run, seen.diagnosis, seen.root))
    nodes = page["modules"]["nodes"]
    if not nodes:
        raise NothingToPlot("no module with parameters was seen")
    lost = {p.rpartition(".")[0] for c in page["cuts"] if c["wrong"] for p in c["unreached"]}
    first: dict[str, int] = {}
    boxes: list[Box] = []
    places: list[int] = []
    for node in nodes:
        if node["fold"] not in first:
            first[node["fold"]] = len(boxes)
            times = f" ×{node['times']}" if node["times"] > 1 else ""
            boxes.append(Box(f"{node['join'] or node['name']}{times}", node["name"] in lost))
        places.append(first[node["fold"]])
    pairs = [(places[a], places[b]) for a, b in (*page["modules"]["edges"], *page["modules"]["calls"])]
    draw_boxes(figure, boxes, sorted({(a, b) for a, b in pairs if a < b}), "Modules with parameters")
