"""May a line of a file mean a part of a model: by its name behind a dot, or by a text that spells it?"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator, Sequence

from osler.static.sources import Source, dotted
from osler.static.values import Class

ASKED_OF_MODULES = frozenset("() parameters named_parameters train eval to cuda state_dict modules".split())
"""What is done to a name that stands for a module."""

NOT_USED = frozenset[str]()

INITIALISES = ("nn.init.", "init.", "torch.nn.init.")


def mentions(source: Source, name: str, family: Sequence[Class], heirs: Sequence[Class]) -> bool:
    """Some line of a file may mean this part; ``self.name`` in a class apart from it does not."""
    if not _mention(name).search(source.text):
        return False
    if source.tree is None:
        return True
    own, above = {c.name for c in family}, {c.name for c in heirs}
    todo: list[tuple[ast.AST, bool, bool]] = [(source.tree, False, False)]
    while todo:
        node, is_strange, starts = todo.pop()
        match node:
            case ast.ClassDef():
                bases = {dotted(b).rpartition(".")[2] for b in node.bases}
                is_strange = node.name not in own and above.isdisjoint(bases)
            case ast.FunctionDef():
                starts = node.name == "__init__"
            case ast.Expr(value=ast.Call() as call) if _only_initialises(call, name):
                continue
            case ast.Attribute(value=ast.Name(id="self"), attr=attr) if attr == name:
                if not is_strange and not (starts and isinstance(node.ctx, ast.Store)):
                    return True
            case ast.Attribute(value=owner, attr=attr) if attr == name and _may_be_module(
                source, owner, name
            ):
                return True
            case ast.Constant(value=str() as text) if _spells(text, name, source):
                return True
            case _:
                pass
        todo += [(child, is_strange, starts) for child in ast.iter_child_nodes(node)]
    return False


@functools.lru_cache(maxsize=64)
def _mention(name: str) -> re.Pattern[str]:
    """Text without which a file cannot mean a part: its name behind a dot, or in quotes as far as it goes."""
    stems = "|".join(re.escape(name[:n]) for n in range(len(name), 0, -1))
    return re.compile(rf"\.\s*{name}\b|[\"'](?:{stems})[\"'%{{]")


def _may_be_module(source: Source, owner: ast.expr, name: str) -> bool:
    """What stands before the dot is no package, and no set of options such as `args`."""
    said = dotted(owner)
    root = said.partition(".")[0]
    if not said or root == "self":
        return True
    if any(root == (a.asname or a.name.partition(".")[0]) for a in _packages(source)):
        return False
    usage = source.usage
    asked = usage.get(said, NOT_USED) & ASKED_OF_MODULES or usage.get(f"{said}.{name}")
    return bool(asked) or f"{said}.{name}." in source.text


def _packages(source: Source) -> Iterator[ast.alias]:
    for statement in source.survey.imports:
        if isinstance(statement, ast.Import) or (statement.module or "").partition(".")[0] == "torch":
            yield from statement.names


def _only_initialises(call: ast.Call, name: str) -> bool:
    """Its weights are given their first values here, which is no use of it."""
    function = dotted(call.func)
    own = function.startswith((f"self.{name}.weight.", f"self.{name}.bias.")) and function.endswith("_")
    return own or function.startswith(INITIALISES)


def _spells(text: str, name: str, source: Source) -> bool:
    """The text is the name, or the beginning of one that is put together for `getattr`."""
    stem = re.split(r"[%{]", text, maxsplit=1)[0]
    is_stem = "getattr" in source.text and bool(stem) and name.startswith(stem)
    return text == name or is_stem
