"""Find every report format by walking the package: adding a format edits no list."""

from __future__ import annotations

import functools
import importlib
import re
from pathlib import Path
from types import MappingProxyType
from typing import Protocol, cast

from osler import report
from osler.model import Diagnosis
from osler.report.frame import Frame

SUFFIX = re.compile(r'^SUFFIX = "(.*)"$', re.MULTILINE)


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
    modules = {name: importlib.import_module(f"{report.__name__}.{name}") for name in suffixes()}
    return MappingProxyType({name: cast("Format", module) for name, module in modules.items()})


@functools.cache
def suffixes() -> MappingProxyType[str, str]:
    """How the files of each format end, by the format's name; read from the source: imports take long."""
    files = (file for folder in report.__path__ for file in sorted(Path(folder).glob("*.py")))
    found = ((file.stem, SUFFIX.search(file.read_text("utf-8"))) for file in files)
    return MappingProxyType({name: match[1] for name, match in found if match is not None})
