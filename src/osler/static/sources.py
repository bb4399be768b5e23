"""One file of source: its text, its tree, and what could not be read."""

from __future__ import annotations

import ast
import functools
import io
import sys
import tokenize
import warnings
from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from osler.model import Span
from osler.static.shelf import Definition, Growth, Position, Shelf
from osler.static.walking import BELOW

LARGEST = 4 << 20
"""Bytes of a file that is read: larger ones are data."""

DEEPEST = 150
"""Levels of nesting that are followed: Python's own parser accepts about 200."""


NOTED = frozenset({ast.Call, ast.For, ast.Import, ast.ImportFrom})
"""Nodes that say what is done to a name."""

INNER = frozenset(kind for kind, below in BELOW.items() if below) - {ast.arg}
"""Nodes with something of interest in or below them."""


@dataclass(eq=False)
class Source:
    """A file, parsed or not.

    Attributes:
        path: absolute path.
        text: the source; empty if it could not be read.
        problem: why it could not be read or parsed, one clause.
        line: of the problem, if known.
        cells: for a notebook, the cell and the line in it of each line.
        survey: what one look at its tree gave.
        shelf: where its tree is kept; files that are read together share one.
        is_parsed: there is a tree.
    """

    path: Path
    text: str = ""
    problem: str = ""
    line: int = 0
    cells: tuple[tuple[str, int], ...] = field(default=())
    survey: Survey = field(default_factory=lambda: Survey(), init=False)
    shelf: Shelf = field(default_factory=Shelf, init=False)
    is_parsed: bool = field(default=False, init=False)

    @cached_property
    def file(self) -> str:
        """The path as findings name it."""
        return str(self.path)

    @property
    def tree(self) -> ast.Module | None:
        """None if it could not be parsed."""
        return self._grown().tree if self.is_parsed else None

    def _grown(self) -> Growth:
        kept = self.shelf.take(self.file)
        return kept or self.shelf.put(self.file, _tree_of(self), len(self.text))

    def define(self, node: Definition) -> Position:
        """Where a definition stands; it is found again even if its tree is not kept."""
        at = (node.lineno, node.col_offset)
        if (kept := self.shelf.take(self.file)) is not None:
            kept.found[at] = node
        return at

    def definition(self, at: Position) -> Definition:
        """The function, class or lambda at a position."""
        return self._grown().definition(at)

    @cached_property
    def lines(self) -> list[str]:
        """The lines of the text, as Python counts them."""
        return self.text.split("\n")

    def span(self, node: ast.AST) -> Span | None:
        """The columns of a node, counted in characters: the parser counts bytes."""
        if not isinstance(node, ast.expr | ast.stmt) or node.end_lineno is None:
            return None
        start, end = node.col_offset, node.end_col_offset or 0
        if not self.text.isascii():
            start, end = self._characters(node.lineno, start), self._characters(node.end_lineno, end)
        return Span(start + 1, node.end_lineno, end + 1)

    def _characters(self, line: int, column: int) -> int:
        return len(self.lines[line - 1].encode("utf-8", "surrogatepass")[:column].decode("utf-8", "ignore"))

    @property
    def usage(self) -> dict[str, frozenset[str]]:
        """What is done to each dotted name anywhere in the file."""
        return self.survey.usage


@dataclass(slots=True)
class Survey:
    """What one look at all nodes of a file gives.

    Attributes:
        usage: what is done to each dotted name anywhere in the file: methods called, ``()`` and ``for``;
            methods of what has no name stand under the empty one.
        imports: its import statements.
        depth: levels of the tree.
    """

    usage: dict[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    imports: list[ast.Import | ast.ImportFrom] = field(default_factory=list[ast.Import | ast.ImportFrom])
    depth: int = 0


def survey(tree: ast.AST) -> Survey:
    """Look at every node once, level by level."""
    found = Survey()
    usage = defaultdict[str, set[str]](set)
    level = [tree]
    while level:
        found.depth += 1
        children: list[ast.AST] = []
        for node in level:
            if type(node) in NOTED:
                _note(node, usage, found.imports)
            for below in BELOW[type(node)]:
                value: ast.AST | list[ast.AST | None] | None = getattr(node, below, None)
                if isinstance(value, list):
                    children += [n for n in value if n is not None and type(n) in INNER]
                elif value is not None and type(value) in INNER:
                    children.append(value)
        level = children
    found.usage = {sys.intern(name): _shared(frozenset(used)) for name, used in usage.items()}
    return found


@functools.lru_cache(maxsize=4096)
def _shared(used: frozenset[str]) -> frozenset[str]:
    """One object for what is done to many names."""
    return used


def _note(node: ast.AST, usage: dict[str, set[str]], imports: list[ast.Import | ast.ImportFrom]) -> None:
    if isinstance(node, ast.Call):
        _note_call(node, usage)
    elif isinstance(node, ast.For):
        over = node.iter
        for part in (over, *(over.args[:2] if isinstance(over, ast.Call) else ())):
            if name := dotted(part):
                usage[name].add("for")
    elif isinstance(node, ast.Import | ast.ImportFrom):
        imports.append(node)


def _note_call(node: ast.Call, usage: dict[str, set[str]]) -> None:
    if name := dotted(node.func):
        usage[name].add("()")
        owner, _, method = name.rpartition(".")
        if owner:
            usage[owner].add(method)
    elif isinstance(node.func, ast.Attribute):
        usage[""].add(node.func.attr)


def dotted(node: ast.AST) -> str:
    """``a.b.c`` as text; empty for anything else."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    return ".".join([node.id, *reversed(parts)])


def read(path: Path) -> Source:
    """Read and parse a file; whatever is wrong with it is said in ``problem``."""
    return parsed(load(path))


def load(path: Path) -> Source:
    """Read a file without parsing it."""
    try:
        size = path.stat().st_size
        if size > LARGEST:
            return Source(path, problem=f"it has {size >> 20} MiB, more than {LARGEST >> 20} are not read")
        data = path.read_bytes()
    except OSError as error:
        return Source(path, problem=error.strerror or "it cannot be read")
    except ValueError:  # a null byte in the name
        return Source(path, problem="it cannot be read")
    return decoded(path, data)


def parse(path: Path, data: bytes) -> Source:
    """Parse the bytes of a file."""
    return parsed(decoded(path, data))


def decoded(path: Path, data: bytes) -> Source:
    """The text of a file in the encoding that it declares."""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        text = io.TextIOWrapper(io.BytesIO(data), encoding).read()
    except (SyntaxError, UnicodeDecodeError, LookupError) as error:
        return Source(path, problem=f"its encoding is wrong: {error}")
    return Source(path, text)


def encoded(data: bytes, text: str) -> bytes | None:
    """A new text for a file in its encoding and with its line ends; None if these are mixed."""
    encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    before = io.TextIOWrapper(io.BytesIO(data), encoding, newline="").read()
    windows, unix, old = before.count("\r\n"), before.count("\n"), before.count("\r")
    if windows not in (0, unix) or old != windows:
        return None
    return (text.replace("\n", "\r\n") if windows else text).encode(encoding)


def parsed(source: Source) -> Source:
    """The same source with its tree, which is put on its shelf."""
    if source.problem or source.is_parsed:
        return source
    if "\0" in source.text:
        source.problem = "it contains null bytes"
        return source
    try:
        tree = _tree_of(source)
        source.survey = survey(tree)
        source.is_parsed = source.survey.depth <= DEEPEST
        if source.is_parsed:
            source.shelf.put(source.file, tree, len(source.text))
        else:
            source.problem = "it is nested too deeply"
    except SyntaxError as error:
        source.problem, source.line = f"it is not valid Python: {error.msg}", error.lineno or 0
    except (RecursionError, MemoryError, ValueError):
        source.problem = "it is nested too deeply"
    return source


def _tree_of(source: Source) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(source.text, source.file)
