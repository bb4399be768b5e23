"""Osler, the doctor for PyTorch training: watch an unmodified script and say what is wrong with it."""

from __future__ import annotations

from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from osler.engine.verdict import diagnose
    from osler.examination import preflight
    from osler.model import (
        Check,
        Confidence,
        Diagnosis,
        Evidence,
        Finding,
        Kind,
        Measure,
        Place,
        Run,
        Severity,
    )
    from osler.report.plots.drawing import plot
    from osler.session import watch
    from osler.store.reader import open_run

__version__ = "0.1.0"

__all__ = [
    "Check",
    "Confidence",
    "Diagnosis",
    "Evidence",
    "Finding",
    "Kind",
    "Measure",
    "Place",
    "Run",
    "Severity",
    "diagnose",
    "open_run",
    "plot",
    "preflight",
    "watch",
]

HOMES = MappingProxyType(
    {
        "diagnose": "osler.engine.verdict",
        "open_run": "osler.store.reader",
        "plot": "osler.report.plots.drawing",
        "watch": "osler.session",
        "preflight": "osler.examination",
    }
)
"""Where names are that are not in the model."""


def __getattr__(name: str) -> object:
    """Import a name when it is asked for: `osler --help` needs none of them, `watch` needs torch."""
    if name not in __all__:
        raise AttributeError(f"module 'osler' has no attribute '{name}'")
    return getattr(import_module(HOMES.get(name, "osler.model")), name)
