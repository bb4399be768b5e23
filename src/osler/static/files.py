"""Which files a path stands for, and which of them can have to do with training."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from osler.static.sources import Source

SKIPPED = frozenset({"__pycache__", "node_modules", "site-packages", "build", "dist", "venv", "env"})
"""Folders that hold no source of the user's."""

WORDS = re.compile(r"torch|lightning|accelerate|transformers|deepspeed|fastai|timm")
IMPORTS = re.compile(r"^\s*(?:from|import)\s+([\w.]+)", re.MULTILINE)


def python_files(paths: Iterable[Path]) -> Iterator[Path]:
    """Python files below these paths, each once, in order; what is named is taken as it is."""
    seen: set[Path] = set()
    for path in paths:
        for file in [path] if not path.is_dir() else _below(path):
            whole = file.absolute()
            if whole not in seen:
                seen.add(whole)
                yield whole


def _below(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(f for f in folders if f not in SKIPPED and not f.startswith("."))
        yield from (Path(parent, n) for n in sorted(names) if n.endswith(".py"))


def concerned(sources: Iterable[Source]) -> list[Source]:
    """Files that name torch or a companion, those that import them and those that they import."""
    every = list(sources)
    chosen = [s for s in every if WORDS.search(s.text) or s.problem]
    stems = {_stem(s) for s in chosen}
    wanted = {w for s in chosen for n in IMPORTS.findall(s.text) for w in n.split(".")}
    others = [s for s in every if s not in chosen]
    return chosen + [s for s in others if _stem(s) in wanted or stems & _imports(s)]


def _imports(source: Source) -> set[str]:
    return {n.rpartition(".")[2] for n in IMPORTS.findall(source.text)}


def _stem(source: Source) -> str:
    return source.path.parent.name if source.path.stem == "__init__" else source.path.stem
