"""Texts of the run as a page may hold them: inert, on one line, and not longer than somebody reads."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

from osler.model import Place
from osler.report.wording import printable, relative

LONGEST = 1_000
"""Characters of one text that are kept."""


def inert(value: object) -> object:
    """Plain values in which no text steers anything and no number is one that JSON lacks."""
    match value:
        case str():
            text = printable(value)
            return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
        case float() if not math.isfinite(value):
            return str(value)
        case Mapping():
            pairs = cast("Mapping[object, object]", value).items()
            return {str(inert(str(key))): inert(each) for key, each in pairs}
        case list() | tuple():
            return [inert(each) for each in cast("Sequence[object]", value)]
        case _:
            return value


def spot(place: Place, root: Path) -> str:
    """``train.py:41``, empty if no line is known."""
    if place.cell is not None:
        return f"cell {place.cell}, line {place.line}"
    return f"{relative(place.file, root)}:{place.line}" if place.file and place.line else ""
