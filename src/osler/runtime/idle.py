"""Parts of a model that its class declares and that nothing ever uses: not called, not reached, not named."""

from __future__ import annotations

import ast
import linecache
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from torch import nn

from osler.model import IdleFact, ParameterFact, Site
from osler.runtime.census import assigned_at, joined
from osler.runtime.registry import Model, numbers_in
from osler.runtime.userlines import UserLines


@dataclass(frozen=True, slots=True, eq=False)
class Waiting:
    """A part that had not been called when it was looked for.

    Attributes:
        model: name of the root module.
        owner: class of the module that holds it.
        prefix: dotted name of that module.
        name: attribute under which it is held.
        kind: its class name.
        elements: numbers in its parameters.
        inside: identities of the part and of what it is made of.
    """

    model: str
    owner: type[nn.Module]
    prefix: str
    name: str
    kind: str
    elements: int
    inside: frozenset[int]

    @property
    def path(self) -> str:
        """Dotted name inside the model."""
        return joined(self.prefix, self.name)


class Idle:
    """Parts that nothing has called so far. Noted early, because models are often gone at the end."""

    def __init__(self, lines: UserLines) -> None:
        self._lines = lines
        self._waiting: list[Waiting] = []

    def note(self, model: Model) -> None:
        """The first calls of a model were looked into: which parts were not called?"""
        root = model.module()
        if root is None:
            return
        seen = model.seen | model.called
        for prefix, parent in root.named_modules():
            for name, part in parent.named_children():
                inside = frozenset(map(id, part.modules()))
                if seen.isdisjoint(inside):
                    elements = numbers_in(*part.parameters())
                    kind = type(part).__name__
                    self._waiting.append(
                        Waiting(model.name, type(parent), prefix, name, kind, elements, inside)
                    )

    def facts(self, models: list[Model], parameters: Mapping[str, ParameterFact]) -> Iterator[IdleFact]:
        """At the end: the outermost parts that were never called, reached or named, one for each class."""
        seen = {i for m in models for i in (*m.seen, *m.called)}
        told: set[tuple[type, str]] = set()
        within: list[str] = []
        for part in self._waiting:
            whole = f"{part.model}.{part.path}."
            if whole.startswith(tuple(within)) or not seen.isdisjoint(part.inside):
                continue
            if any(key.startswith(whole) and p.reached for key, p in parameters.items()):
                continue
            within.append(whole)
            site = self.declared(part)
            if site and (part.owner, part.name) not in told:
                told.add((part.owner, part.name))
                owner = self._lines.definition(part.owner.forward)
                yield IdleFact(part.path, part.model, part.kind, part.elements, site, owner)

    def declared(self, part: Waiting) -> Site:
        """Where a class of the user's declares it; nowhere if a library does or another line names it."""
        own = [c for c in part.owner.__mro__ if self._lines.definition(vars(c).get("__init__"))]
        site = next((s for c in own if (s := assigned_at(c, part.name))), ())
        classes = {c.__name__ for c in own}
        files = {site[0].file, *self._lines.files()} if site else set[str]()
        return () if any(names(file, part.name, classes) for file in files) else site


def names(file: str, attribute: str, classes: set[str]) -> bool:
    """Whether a file reads an attribute outside of `__init__`, or holds its name as text.

    ``self.attribute`` counts only in classes of these names and in those that inherit from them.
    """
    source = "".join(linecache.getlines(file))
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return True
    return any(reads(node, attribute, classes) for node in tree.body)


def reads(node: ast.AST, attribute: str, classes: set[str]) -> bool:
    """Whether something in the tree below a node reads the attribute."""
    match node:
        case ast.FunctionDef(name="__init__"):
            return False
        case ast.Constant(value=text) if text == attribute:
            return True
        case ast.Attribute(value=owner, attr=read, ctx=ast.Load()) if read == attribute:
            return bool(classes) or not (isinstance(owner, ast.Name) and owner.id == "self")
        case ast.ClassDef() if not related(node, classes):
            classes = set()
        case _:
            pass
    return any(reads(n, attribute, classes) for n in ast.iter_child_nodes(node))


def related(node: ast.ClassDef, classes: set[str]) -> bool:
    """Whether a class is one of these or inherits from one by name."""
    bases = {
        n.id if isinstance(n, ast.Name) else n.attr
        for n in node.bases
        if isinstance(n, ast.Name | ast.Attribute)
    }
    return node.name in classes or bool(bases & classes)
