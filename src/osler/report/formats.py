"""Find every report format by walking the package: adding a format edits no list."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from types import MappingProxyType
from typing import Protocol, cast

from osler import report
from osler.model import Diagnosis
from osler.report.frame import Frame


class Format(Protocol):
    """What a module of this package offers if it is a format; the format is named after the module."""

    __doc__: str
    SUFFIX: str
    """How the names of such files end, empty if there is no custom."""

    def render(self, diagnosis: Diagnosis, frame: Frame) -> str:
        """The whole report as text without control characters, ending in a newline."""
        ...


@functools.cache
def formats() -> MappingProxyType[str, Format]:
    """Every format by name, in alphabetical order."""
    names = [m.name for m in pkgutil.iter_modules(report.__path__) if not m.ispkg]
    modules = {name: importlib.import_module(f"{report.__name__}.{name}") for name in sorted(names)}
    return MappingProxyType({n: cast("Format", m) for n, m in modules.items() if hasattr(m, "SUFFIX")})


@functools.cache
def suffixes() -> MappingProxyType[str, str]:
    """How the files of each format end, by the format's name."""
    return MappingProxyType({name: form.SUFFIX for name, form in formats().items()})
