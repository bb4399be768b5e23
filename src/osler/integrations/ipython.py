"""Show runs and diagnoses in notebooks: whatever stands last in a cell shows itself as the HTML report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape
from pathlib import Path
from typing import Protocol

from osler import __version__
from osler.engine.verdict import diagnose
from osler.model import Diagnosis
from osler.report.frame import Frame
from osler.report.html import render
from osler.report.source import Sources
from osler.store.reader import StoredRun

HEIGHT = 640
"""Pixels of the frame."""

SHOWN = (("osler.model.diagnosis", "Diagnosis"), ("osler.store.reader", "StoredRun"))
"""Modules and classes that show themselves."""


class Formatter(Protocol):
    """What IPython offers for one kind of output."""

    def for_type_by_name(self, type_module: str, type_name: str, func: Callable[..., str]) -> object:
        """Show objects of a class, which need not be imported yet, by a function."""
        ...


class Display(Protocol):
    """All formatters of a shell, by the kind of output."""

    formatters: Mapping[str, Formatter]


class Shell(Protocol):
    """What is used of IPython's shell."""

    display_formatter: Display


def load_ipython_extension(shell: Shell) -> None:
    """Called by ``%load_ext osler.integrations.ipython``."""
    formatter = shell.display_formatter.formatters["text/html"]
    for module, name in SHOWN:
        formatter.for_type_by_name(module, name, framed)


def framed(shown: Diagnosis | StoredRun) -> str:
    """The report in a frame that can reach nothing outside; a saved notebook still shows it."""
    record = shown if isinstance(shown, StoredRun) else None
    diagnosis = diagnose(shown) if isinstance(shown, StoredRun) else shown
    text = render(diagnosis, Frame(__version__, Path.cwd(), Sources(), record=record))
    return (
        f'<iframe sandbox="allow-scripts" title="Osler: training report" width="100%" height="{HEIGHT}" '
        f'style="border:0" srcdoc="{escape(text, quote=True)}"></iframe>'
    )
