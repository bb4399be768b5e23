"""Which files a path stands for, and which of them can have to do with training."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from osler.static.sources import Source

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

SKIPPED = frozenset({"__pycache__", "node_modules", "site-packages", "build", "dist", "venv", "env"})
"""Folders that hold no source of the user's."""

SUFFIXES = (".py", ".ipynb")
WORDS = re.compile(r"torch|lightning|accelerate|transformers|deepspeed|fastai|timm")
IMPORTS = re.compile(r"^[ \t]*(?:from[ \t]+([\w.]+)[ \t]+)?import[ \t]+(\([^)]*\)|[^\n#;]*)", re.MULTILINE)

WORD = re.compile(r"\w+")

Rules = tuple[tuple[Path, "GitIgnoreSpec"], ...]
"""The `.gitignore` files above a folder, with the folders they stand in."""


def python_files(paths: Iterable[Path]) -> Iterator[Path]:
    """Python files and notebooks below these paths, each once, in order; what is named is taken as it is."""
    seen: set[Path] = set()
    for path in paths:
        for file in [path] if not path.is_dir() else _below(path):
            whole = file.absolute()
            if whole not in seen:
                seen.add(whole)
                yield whole


def _below(folder: Path) -> Iterator[Path]:
    rules: dict[Path, Rules] = {folder.parent: _rules_above(folder)}
    for parent, folders, names in os.walk(folder):
        here = Path(parent)
        rules[here] = (*rules.get(here.parent, ()), *_rules_in(here, names))
        wanted = (f for f in folders if f not in SKIPPED and not f.startswith("."))
        folders[:] = sorted(f for f in wanted if not _is_ignored(here / f, rules[here], "/"))
        files = (here / n for n in sorted(names) if n.endswith(SUFFIXES))
        yield from (f for f in files if not _is_ignored(f, rules[here]))


def _rules_above(folder: Path) -> Rules:
    """Those of the repository that the folder lies in; none if they leave out the folder that was named."""
    whole = folder.absolute()
    found: Rules = ()
    if (whole / ".git").exists():
        return ()
    for above in whole.parents:
        found = (*_rules_in(above, [".gitignore"]), *found)
        if (above / ".git").exists():
            return () if _is_ignored(whole, found, "/") else found
    return ()


def _rules_in(folder: Path, names: list[str]) -> Rules:
    if ".gitignore" not in names or not (folder / ".gitignore").is_file():
        return ()
    from pathspec import GitIgnoreSpec  # most single files stand in no repository

    try:
        lines = (folder / ".gitignore").read_text("utf-8", "replace").splitlines()
        return ((folder.absolute(), GitIgnoreSpec.from_lines(lines)),)
    except (OSError, ValueError):
        return ()


def _is_ignored(path: Path, rules: Rules, end: str = "") -> bool:
    whole = path.absolute()
    return any(spec.match_file(f"{whole.relative_to(top).as_posix()}{end}") for top, spec in rules)


def concerned(sources: Iterable[Source]) -> list[Source]:
    """Files that name torch or a companion, those that import them and those that they import."""
    every = list(sources)
    chosen = [s for s in every if WORDS.search(s.text) or s.problem]
    stems = {_stem(s) for s in chosen}
    wanted = {word for s in chosen for word in _imports(s)}
    taken = {id(s) for s in chosen}
    others = [s for s in every if id(s) not in taken]
    return chosen + [s for s in others if _stem(s) in wanted or stems & _imports(s)]


def _imports(source: Source) -> set[str]:
    """Every word in its imports that may be the name of a file."""
    return {word for match in IMPORTS.findall(source.text) for part in match for word in WORD.findall(part)}


def _stem(source: Source) -> str:
    return source.path.parent.name if source.path.stem == "__init__" else source.path.stem
