"""What is seen in the lines of a function: something is learned of data, or another function called."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field

from osler.model import Place
from osler.static.data_parts import Known, Part
from osler.static.learning import Learned
from osler.static.sources import Source

DEFINED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
COMMENT = re.compile(r"(?<!\S)#.*")


@dataclass(frozen=True, slots=True)
class Within:
    """A function, or the lines of a file that are in none; what it is called where it is used."""

    source: Source
    node: ast.Module | ast.FunctionDef
    cls: ast.ClassDef | None = None

    @property
    def name(self) -> str:
        """The class if it makes an object, else the function."""
        if isinstance(self.node, ast.Module):
            return ""
        return self.cls.name if self.cls is not None and self.node.name == "__init__" else self.node.name

    @property
    def parameters(self) -> tuple[str, ...]:
        """What it is given: each may be any part of the data, whatever it is called."""
        if isinstance(self.node, ast.Module):
            return ()
        given = self.node.args
        names = [a.arg for a in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
        return tuple(n for n in names if n not in {"self", "cls"})

    @property
    def whole_text(self) -> str:
        """The source of the class that it belongs to, else its own."""
        if self.cls is None:
            return self.text
        return "\n".join(self.source.lines[self.cls.lineno - 1 : self.cls.end_lineno])

    @property
    def text(self) -> str:
        """Its source."""
        if isinstance(self.node, ast.Module):
            return self.source.text
        return "\n".join(self.source.lines[self.node.lineno - 1 : self.node.end_lineno])

    @property
    def own_text(self) -> str:
        """Its code without comments, and for a file without that of its functions and classes."""
        if not isinstance(self.node, ast.Module):
            return COMMENT.sub("", self.text)
        ranges = [
            (s.lineno - 1, s.end_lineno or s.lineno) for s in self.node.body if not isinstance(s, DEFINED)
        ]
        return COMMENT.sub("", "\n".join("\n".join(self.source.lines[a:b]) for a, b in ranges))

    def place(self, node: ast.expr | ast.stmt) -> Place:
        """The line of a statement or expression."""
        function = "" if isinstance(self.node, ast.Module) else self.node.name
        return Place(self.source.file, node.lineno, function, span=self.source.span(node))


@dataclass(frozen=True, slots=True)
class Event:
    """Something is learned, or a function called.

    Attributes:
        within: the function in which it happens.
        statement: in which it happens.
        targets: names that get the outcome.
        part: of which part of the data something is learned.
        rest: what is left of the name of the data besides the part.
        unless: parameters without which alone it happens.
        is_each: it happens for each of many pieces of the data.
        what: what is learned; None for a call.
        call: the call; None where something is learned.
        origins: parameters of the function that the data come from.
        parts: names that stand for a part there.
    """

    within: Within
    statement: ast.stmt
    targets: tuple[str, ...]
    part: Part | None
    rest: str
    unless: frozenset[str]
    is_each: bool
    what: Learned | None = None
    call: ast.Call | None = None
    origins: frozenset[str] = frozenset()
    parts: Known = field(default_factory=dict[str, tuple[Part | None, str]])


def bound(node: ast.FunctionDef, call: ast.Call) -> dict[str, ast.expr]:
    """What the parameters of a function get from a call; an object's own is left out."""
    names = [a.arg for a in (*node.args.posonlyargs, *node.args.args)]
    names = names[1:] if names[:1] == ["self"] or names[:1] == ["cls"] else names
    given = dict(zip(names, call.args, strict=False))
    return given | {k.arg: k.value for k in call.keywords if k.arg is not None}
