"""Which line builds a layer over sequences, and under which name does the user know it?"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from torch import nn

from osler.model import Place, Site
from osler.runtime.fetch_lines import Method, Source, source_of
from osler.runtime.userlines import UserLines

TRANSFORMERS = (
    nn.Transformer,
    nn.TransformerEncoder,
    nn.TransformerDecoder,
    nn.TransformerEncoderLayer,
    nn.TransformerDecoderLayer,
)
"""What torch builds around an attention layer."""

TAKE_IT = (nn.Transformer, nn.TransformerEncoderLayer, nn.TransformerDecoderLayer)
"""Those of them that take ``batch_first``."""


@dataclass(frozen=True, slots=True)
class Origin:
    """What is known about where a layer comes from.

    Attributes:
        name: in the model, of the outermost part of torch's that it belongs to; empty if that is the model.
        kind: torch's class of that part.
        builder: the class that is built with ``batch_first``.
        site: where that is built, empty if it is not known.
    """

    name: str
    kind: str
    builder: str
    site: Site


def origin(root: nn.Module, layer: nn.Module, lines: UserLines) -> Origin:
    """Where a layer of a model comes from."""
    name = next((name for name, module in root.named_modules() if module is layer), "")
    path = [root]
    parts = name.split(".") if name else []
    for part in parts:
        path.append(path[-1].get_submodule(part))
    outermost = next((i for i, module in enumerate(path) if isinstance(module, TRANSFORMERS)), len(path) - 1)
    taker = next((m for m in path if isinstance(m, TAKE_IT)), layer)
    builder = kind_of(taker)
    site = built_at(path[:outermost], parts[:outermost], builder, lines)
    return Origin(".".join(parts[:outermost]), kind_of(path[outermost]), builder, site)


def kind_of(module: nn.Module) -> str:
    """Name of torch's own class: a reader knows it."""
    return next(kind.__name__ for kind in type(module).__mro__ if kind.__module__.startswith("torch."))


def built_at(around: list[nn.Module], names: list[str], builder: str, lines: UserLines) -> Site:
    """The line that builds what the innermost of the user's modules holds under its name.

    Args:
        around: modules that hold the layer, the outermost first.
        names: under which each of them holds the next, or the layer.
        builder: class that is built.
        lines: tells the user's lines.
    """
    for holder, name in reversed(list(zip(around, names, strict=True))):
        sources = [s for cls in type(holder).__mro__ if (s := source_of(cls, lines)) is not None]
        found = [(source, *each) for source in sources for each in assignments(source, name)]
        if len(found) == 1:
            source, method, statement = found[0]
            calls = list(calls_of(builder, statement)) or list(calls_of(builder, method))
            line = calls[0].lineno if len(calls) == 1 else statement.lineno
            return (Place(source.file, line, method.name),)
        if sources:
            return ()
    return ()


def assignments(source: Source, name: str) -> Iterator[tuple[Method, ast.Assign | ast.AnnAssign]]:
    """Statements that give an attribute of ``self`` a value."""
    for method in source.methods:
        for node in ast.walk(method):
            match node:
                case ast.Assign(targets=[ast.Attribute(value=ast.Name(id="self"), attr=attr)]) if (
                    attr == name
                ):
                    yield method, node
                case ast.AnnAssign(target=ast.Attribute(value=ast.Name(id="self"), attr=attr)) if (
                    attr == name
                ):
                    yield method, node
                case _:
                    pass


def calls_of(builder: str, around: ast.AST) -> Iterator[ast.Call]:
    """Calls of a class."""
    for node in ast.walk(around):
        match node:
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if name == builder:
                yield node
            case _:
                pass
