"""The linted tree: which files there are, which imports lead to them, which belong together."""

from __future__ import annotations

import ast
import os.path
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from osler.static.sources import Source

Wanted = tuple[str, str, int]
"""A folder, a dotted name, and how many dots stand before it."""


@dataclass(slots=True)
class Project:
    """Sources by path.

    Attributes:
        sources: by absolute path.
        found: answers given before.
    """

    sources: dict[str, Source] = field(default_factory=dict[str, Source])
    found: dict[Wanted, Source | None] = field(default_factory=dict[Wanted, "Source | None"])

    def find(self, source: Source, name: str, level: int) -> Source | None:
        """The file of a module as imported from another file; None if it lies outside."""
        key = (os.path.dirname(source.file), name, level)
        if key not in self.found:
            self.found[key] = self._search(*key)
        return self.found[key]

    def _search(self, folder: str, name: str, level: int) -> Source | None:
        parts = name.split(".") if name else []
        if level:
            for _ in range(level - 1):
                folder = os.path.dirname(folder)
            return self._at(folder, parts)
        while parts:
            found = self._at(folder, parts)
            above = os.path.dirname(folder)
            if found is not None or above == folder:
                return found
            folder = above
        return None

    def _at(self, folder: str, parts: list[str]) -> Source | None:
        path = os.path.join(folder, *parts)
        if parts and (found := self.sources.get(f"{path}.py")):
            return found
        return self.sources.get(os.path.join(path, "__init__.py"))

    def groups(self) -> list[list[Source]]:
        """Files that import each other, directly or not, together; each group in order of path."""
        leader: dict[str, str] = {path: path for path in self.sources}

        def top(path: str) -> str:
            while leader[path] != path:
                leader[path] = leader[leader[path]]
                path = leader[path]
            return path

        for source in self.sources.values():
            for other in self.imported(source):
                leader[top(other.file)] = top(source.file)
        groups: dict[str, list[Source]] = {}
        for path, source in self.sources.items():
            groups.setdefault(top(path), []).append(source)
        return list(groups.values())

    def imported(self, source: Source) -> Iterator[Source]:
        """Files of the tree that a file imports."""
        for node in source.survey.imports:
            if isinstance(node, ast.Import):
                yield from _present(self.find(source, a.name, 0) for a in node.names)
                continue
            base = node.module or ""
            inner = [f"{base}.{a.name}" if base else a.name for a in node.names]
            yield from _present(self.find(source, n, node.level) for n in (base, *inner))


def _present(found: Iterable[Source | None]) -> Iterator[Source]:
    return (s for s in found if s is not None)


def project(sources: Sequence[Source]) -> Project:
    """The tree of these files."""
    return Project({s.file: s for s in sources})
