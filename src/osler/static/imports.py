"""Imports: names from outside by their full name, modules of the linted tree by what they define."""

from __future__ import annotations

import ast

from osler.model import Const, External, Unknown, Value
from osler.static.machine import Frame, Machine
from osler.static.sources import Source
from osler.static.values import Namespace, Scope


def import_module(machine: Machine, node: ast.Import) -> None:
    """``import a.b as c``."""
    for alias in node.names:
        top = alias.name.partition(".")[0]
        found = machine.modules.find(machine.source, alias.name, 0)
        if found is not None and alias.asname:
            machine.assign(alias.asname, loaded(machine, found))
        elif found is not None:
            machine.assign(top, _package(machine, alias.name, loaded(machine, found)))
        else:
            machine.assign(alias.asname or top, External(alias.name if alias.asname else top))


def _package(machine: Machine, name: str, module: Namespace) -> Value:
    """What ``import a.b`` binds to ``a``: a namespace through which ``a.b`` is found."""
    top, *parts = name.split(".")
    if not parts:
        return module
    known = machine.frame.scope.find(top)
    package = known if isinstance(known, Namespace) else Namespace(module.source, Scope())
    inner = package
    for part in parts[:-1]:
        step = inner.scope.names.get(part)
        if not isinstance(step, Namespace):
            step = Namespace(module.source, Scope())
            inner.scope.names[part] = step
        inner = step
    inner.scope.names[parts[-1]] = module
    return package


def import_from(machine: Machine, node: ast.ImportFrom) -> None:
    """``from a import b``."""
    base = node.module or ""
    found = machine.modules.find(machine.source, base, node.level)
    for alias in node.names:
        if alias.name == "*":
            if found is not None:
                names = loaded(machine, found).scope.names
                machine.frame.scope.names |= {k: v for k, v in names.items() if not k.startswith("_")}
            continue
        machine.assign(alias.asname or alias.name, _imported(machine, node, found, alias.name))


def _imported(machine: Machine, node: ast.ImportFrom, found: Source | None, name: str) -> Value:
    base = node.module or ""
    if found is not None:
        value = loaded(machine, found).scope.names.get(name)
        if value is not None:
            return value
    inner = machine.modules.find(machine.source, f"{base}.{name}" if base else name, node.level)
    if inner is not None and inner is not found:
        return loaded(machine, inner)
    if node.level or found is not None:
        return Unknown(name)
    return External(f"{base}.{name}")


def loaded(machine: Machine, source: Source) -> Namespace:
    """A module of the linted tree, its own lines followed once; what they do is not part of the importer."""
    known = machine.imported.get(source.file)
    if known is not None:
        return Namespace(source, known)
    scope = Scope({"__name__": Const(source.path.stem)})
    machine.imported[source.file] = scope
    if source.tree is not None:
        machine.frames.append(Frame("", source, scope))
        with machine.collecting(), machine.recorded(True):
            machine.execute(machine, source.tree.body)
        machine.frames.pop()
    return Namespace(source, scope)
