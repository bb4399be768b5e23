"""What every report format is given beside the diagnosis."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from osler.engine.catalogue import catalogue
from osler.model import Check
from osler.report.source import Sources

if TYPE_CHECKING:
    from osler.store.reader import StoredRun  # it loads numpy, which `osler lint` can do without


@dataclass(frozen=True, slots=True)
class Frame:
    """What is said around the findings.

    Attributes:
        version: of Osler.
        root: folder where Osler was started; files below it are named from there.
        sources: the user's source lines, for excerpts and fingerprints.
        compact: as few lines as the format allows, for a stream that others write to as well.
        checks: every check by name, for formats that explain them.
        record: the recorded run, for formats that draw it; None if it is not open or there is none.
    """

    version: str
    root: Path
    sources: Sources
    compact: bool = False
    checks: Mapping[str, Check] = field(default_factory=catalogue)
    record: StoredRun | None = None
