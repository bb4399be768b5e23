"""The layers of a network as it ran, as a table for a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rich.table import Table

from osler.model import LayerFact, NetworkFact, counted
from osler.report.terminal import Page, drawn
from osler.report.wording import number, percent, printable, where

MOST_ROWS = 60
"""Layers that are shown; of more, those that cost most."""

RIGHT = frozenset({"numbers", "trainable", "time"})
HEAD = ("layer", "kind", "line", "output", "numbers", "trainable", "time")


def render(network: NetworkFact, page: Page) -> str:
    """The table with its heading, ending in a newline."""
    shown = foremost(network.layers)
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for title in HEAD:
        right = title in RIGHT
        table.add_column(title, justify="right" if right else "left", no_wrap=right, overflow="fold")
    for layer in shown:
        table.add_row(*cells(layer, page.root))
    lines = [heading(network), *rest(network, len(shown))]
    return f"{lines[0]}\n" + drawn([table], page) + "".join(f"{line}\n" for line in lines[1:])


def heading(network: NetworkFact) -> str:
    """What the table is about, and what its last column means."""
    learn = "all trainable" if network.trainable == network.elements else f"{network.trainable} trainable"
    name, milliseconds = printable(network.model), number(float(f"{1e3 * network.seconds:.3g}"))
    return (
        f"{name}: {counted(network.elements, 'parameter')}, {learn}; a forward of the first batch takes "
        f"{milliseconds} ms, and `time` is each layer's share of it without that of its parts"
    )


def rest(network: NetworkFact, shown: int) -> Iterator[str]:
    """How many layers are left out, and what they cost."""
    left = len(network.layers) - shown
    if left:
        dearest = sum(sorted(layer.share for layer in network.layers)[:left])
        yield f"{counted(left, 'more layer')} with {percent(dearest)} of the time"


def foremost(layers: tuple[LayerFact, ...]) -> list[LayerFact]:
    """The layers that are shown, in the order of their calls."""
    dearest = sorted(range(len(layers)), key=lambda number: -layers[number].share)[:MOST_ROWS]
    return [layers[number] for number in sorted(dearest)]


def cells(layer: LayerFact, root: Path) -> tuple[str, ...]:
    """One layer."""
    times = f" ×{layer.calls}" if layer.calls > 1 else ""
    return (
        f"{printable(layer.name) or '(itself)'}{times}",
        printable(layer.kind),
        where(layer.site[0], root) if layer.site else "",
        shapes(layer.outputs),
        held(layer),
        learned(layer),
        percent(layer.share),
    )


def shapes(outputs: tuple[tuple[int, ...], ...]) -> str:
    """``16×8×6×6``; of several tensors one after the other."""
    return ", ".join("×".join(map(str, shape)) or "1" for shape in outputs)


def held(layer: LayerFact) -> str:
    """How many numbers its own parameters hold."""
    return f"{layer.elements} shared" if layer.shared else number(layer.elements)


def learned(layer: LayerFact) -> str:
    """How many of them are trained."""
    if not layer.elements:
        return ""
    return {layer.elements: "all", 0: "none"}.get(layer.trainable, number(layer.trainable))
