"""The linted tree: which files there are, which imports lead to them, which belong together."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from osler.static.sources import Source


@dataclass(slots=True)
class Project:
    """Sources by path.

    Attributes:
        sources: by absolute path.
    """

    sources: dict[Path, Source] = field(default_factory=dict[Path, Source])

    def find(self, source: Source, name: str, level: int) -> Source | None:
        """The file of a module as imported from another file; None if it lies outside."""
        parts = name.split(".") if name else []
        folder = source.path.parent
        if level:
            for _ in range(level - 1):
                folder = folder.parent
            return self._at(folder, parts)
        return (
            next((s for f in (folder, *folder.parents) if (s := self._at(f, parts))), None) if parts else None
        )

    def _at(self, folder: Path, parts: list[str]) -> Source | None:
        path = folder.joinpath(*parts)
        if parts and (found := self.sources.get(path.with_name(f"{path.name}.py"))):
            return found
        return self.sources.get(path / "__init__.py")

    def groups(self) -> list[list[Source]]:
        """Files that import each other, directly or not, together; each group in order of path."""
        leader: dict[Path, Path] = {path: path for path in self.sources}

        def top(path: Path) -> Path:
            while leader[path] != path:
                leader[path] = leader[leader[path]]
                path = leader[path]
            return path

        for source in self.sources.values():
            for other in self.imported(source):
                leader[top(other.path)] = top(source.path)
        groups: dict[Path, list[Source]] = {}
        for path, source in self.sources.items():
            groups.setdefault(top(path), []).append(source)
        return list(groups.values())

    def imported(self, source: Source) -> Iterable[Source]:
        """Files of the tree that a file imports."""
        for node in ast.walk(source.tree) if source.tree else ():
            match node:
                case ast.Import():
                    yield from _present(self.find(source, a.name, 0) for a in node.names)
                case ast.ImportFrom():
                    base = node.module or ""
                    inner = [f"{base}.{a.name}" if base else a.name for a in node.names]
                    yield from _present(self.find(source, n, node.level) for n in (base, *inner))
                case _:
                    pass


def _present(found: Iterable[Source | None]) -> Iterable[Source]:
    return (s for s in found if s is not None)


def project(sources: Sequence[Source]) -> Project:
    """The tree of these files."""
    return Project({s.path: s for s in sources})
