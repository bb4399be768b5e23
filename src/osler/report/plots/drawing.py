"""Find every plot by walking the package, and draw or save one."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol, cast

from osler.errors import UnknownName, UsageError
from osler.report import plots
from osler.report.plots.pictured import Pictured, pictured
from osler.store.reader import StoredRun, open_run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIZE = (8.0, 4.5)
"""Inches; a plot may make its figure higher."""

RESOLUTION = 150
"""Pixels per inch of a PNG."""

ENDINGS = (".png", ".svg", ".pdf")


class Plot(Protocol):
    """What a module of this package offers if it is a plot; it is named after the module."""

    __doc__: str

    def draw(self, seen: Pictured, figure: Figure) -> None:
        """Draw.

        Raises:
            NothingToPlot: the run has no numbers for it.
        """
        ...


@functools.cache
def known() -> MappingProxyType[str, Plot]:
    """Every plot by name, in alphabetical order."""
    names = sorted(m.name for m in pkgutil.iter_modules(plots.__path__))
    modules = {n.replace("_", "-"): importlib.import_module(f"{plots.__name__}.{n}") for n in names}
    return MappingProxyType({n: cast("Plot", m) for n, m in modules.items() if hasattr(m, "draw")})


def plot(run: StoredRun | Path | str, name: str) -> Figure:
    """A picture of a recorded run, for example ``osler.plot(".osler/runs/20261121-150615-ccee", "loss")``.

    Args:
        run: the run, or the path of its directory.
        name: of the plot: autograd, classes, gradient-flow, graph, layers, learning-rate, logits, loss,
            overfit.

    Raises:
        UnknownName: there is no such plot.
        UsageError: matplotlib is missing, or the run has nothing for this plot.
    """
    if name not in known():
        raise UnknownName("plot", name, known())
    figure = empty_figure()
    known()[name].draw(pictured(run if isinstance(run, StoredRun) else open_run(run)), figure)
    return figure


def empty_figure() -> Figure:
    """A figure that no window shows.

    Raises:
        UsageError: matplotlib is missing.
    """
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        fix = "Install it: python -m pip install 'osler[plot]'"
        raise UsageError("plots need the package matplotlib", fix=fix) from error
    return Figure(figsize=SIZE, dpi=RESOLUTION, layout="constrained")


def save(figure: Figure, path: Path) -> None:
    """Write a figure; the ending of the file decides how.

    Raises:
        UsageError: the ending is unknown, or the file cannot be written.
    """
    if path.suffix.lower() not in ENDINGS:
        raise UsageError(f"cannot write {path}: unknown ending", fix=f"Use one of {' '.join(ENDINGS)}.")
    try:
        figure.savefig(path, metadata=None if path.suffix.lower() == ".png" else {"Date": None})
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}", fix="Choose another --output.") from error
