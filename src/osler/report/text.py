"""The diagnosis in words, as on a terminal but without colour."""

from __future__ import annotations

from osler.model import Diagnosis
from osler.report import terminal
from osler.report.frame import Frame

SUFFIX = ".txt"


def render(diagnosis: Diagnosis, frame: Frame) -> str:
    """The whole report, ending in a newline."""
    return terminal.render(diagnosis, terminal.Page(frame.root, frame.sources))
