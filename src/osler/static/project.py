"""The linted tree: which files there are, which imports lead to them, which belong together."""

from __future__ import annotations

import os.path
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from osler.static.sources import Source

IMPORT = re.compile(
    r"""(?:^|[;:])[ \t]*(?:
        from[ \t]+(?P<from>[.\w \t]+?)[ \t]*\bimport\b[ \t]*
        (?P<names>\((?:[^()#]|\#[^\n]*)*\)|(?:[^\n;\\]|\\\n)*)
        |import[ \t]+(?P<modules>(?:[^\n;\\]|\\\n)*)
    )""",
    re.MULTILINE | re.VERBOSE,
)
"""An import statement, or text that looks like one: then files are read together without need."""

COMMENT = re.compile(r"#[^\n]*")
DOTTED = re.compile(r"[\w.]+")

Wanted = tuple[str, str, int]
"""A folder, a dotted name, and how many dots stand before it."""


@dataclass
class Project:
    """Sources by path.

    Attributes:
        sources: by absolute path.
        found: answers given before.
    """

    sources: dict[str, Source] = field(default_factory=dict[str, Source])
    found: dict[Wanted, Source | None] = field(default_factory=dict[Wanted, "Source | None"])

    @cached_property
    def heads(self) -> frozenset[str]:
        """Names that the path of an import can begin with: those of the files and folders."""
        return frozenset(part.removesuffix(".py") for path in self.sources for part in Path(path).parts)

    def find(self, source: Source, name: str, level: int) -> Source | None:
        """The file of a module as imported from another file; None if it lies outside."""
        key = (os.path.dirname(source.file), name, level)
        if key not in self.found:
            self.found[key] = self._search(*key)
        return self.found[key]

    def _search(self, folder: str, name: str, level: int) -> Source | None:
        parts = name.split(".") if name else []
        if parts and parts[0] not in self.heads:
            return None
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
        for statement in IMPORT.finditer(source.text):
            start, imported = statement["from"], COMMENT.sub("", statement["names"] or statement["modules"])
            if start is None:
                wanted = [(name, 0) for name in DOTTED.findall(imported)]
            else:
                base = start.lstrip(". \t")
                level = start.count(".", 0, len(start) - len(base))
                inner = [f"{base}.{name}" if base else name for name in DOTTED.findall(imported)]
                wanted = [(name, level) for name in (base, *inner)]
            found = (self.find(source, name, level) for name, level in wanted)
            yield from (other for other in found if other is not None)


def project(sources: Sequence[Source]) -> Project:
    """The tree of these files."""
    return Project({s.file: s for s in sources})
