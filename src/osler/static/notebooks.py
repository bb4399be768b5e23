"""Notebooks: code cells joined in order, with what only IPython understands blanked."""

from __future__ import annotations

import ast
import json
import re
import warnings
from pathlib import Path
from typing import cast

from osler.static.sources import Source, parsed

MAGIC = re.compile(r"^(\s*)([%!?].*|[^#'\"]*[\w)\]*]\?{1,2}\s*)$")
TIMED = re.compile(r"^(\s*)%time\s+(?=\S)")
ASSIGNED_MAGIC = re.compile(r"^(\s*[\w, ]+=\s*)[%!].*$")

PYTHON_CELLS = frozenset({"%%time", "%%timeit", "%%capture", "%%prun"})
"""Magic words above a cell that is Python all the same."""


def parse_notebook(path: Path, text: str) -> Source:
    """One source of all code cells, parsed."""
    return parsed(load_notebook(path, text))


def load_notebook(path: Path, text: str) -> Source:
    """One source of all code cells, not parsed yet; ``cells`` says where each line comes from."""
    try:
        content: object = json.loads(text)
    except (ValueError, RecursionError) as error:
        return Source(path, problem=f"it is no notebook: {error}")
    lines: list[str] = []
    origin: list[tuple[str, int]] = []
    for number, cell in enumerate(_code_cells(content), start=1):
        own = _python(cell).split("\n")
        lines += own
        origin += [(str(number), i) for i in range(1, len(own) + 1)]
    return Source(path, "\n".join(lines), cells=tuple(origin))


def _code_cells(content: object) -> list[str]:
    cells = cast("dict[str, object]", content).get("cells") if isinstance(content, dict) else None
    found: list[str] = []
    for cell in cast("list[object]", cells) if isinstance(cells, list) else ():
        if isinstance(cell, dict):
            inner = cast("dict[str, object]", cell)
            text = inner.get("source")
            if inner.get("cell_type") == "code":
                found.append(text if isinstance(text, str) else _joined(text))
    return found


def _joined(text: object) -> str:
    return "".join(str(line) for line in cast("list[object]", text)) if isinstance(text, list) else ""


def _python(cell: str) -> str:
    """A cell with as many lines, of which only what Python would run is left."""
    if _is_python(cell):
        return cell
    lines = cell.split("\n")
    first = next((n for n, line in enumerate(lines) if line.strip()), 0)
    if lines[first].startswith("%%"):
        if lines[first].split()[0] not in PYTHON_CELLS:
            return "\n" * (len(lines) - 1)
        lines[first] = ""
    return "\n".join(map(_plain, lines))


def _is_python(cell: str) -> bool:
    try:
        with warnings.catch_warnings(action="ignore"):
            ast.parse(cell)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _plain(line: str) -> str:
    line = TIMED.sub(r"\1", line)
    if found := ASSIGNED_MAGIC.match(line):
        return f"{found[1]}None"
    return MAGIC.sub(r"\1pass", line)
