"""Class definitions, and what their bases make of them."""

from __future__ import annotations

import ast

from osler.model import External, Value
from osler.static.knowledge import MODULE_BASES
from osler.static.machine import Frame, Machine
from osler.static.values import Class, Function, Scope


def define_class(machine: Machine, node: ast.ClassDef) -> None:
    """Follow the body of a class."""
    bases = tuple(machine.evaluate(machine, b) for b in node.bases)
    cls = Class(node.name, machine.source, machine.source.define(node), bases)
    scope = Scope(cls.names, machine.frame.scope)
    outer = machine.frame
    machine.frames.append(Frame(outer.function, outer.source, scope, outer.callers))
    with machine.collecting():
        machine.execute(machine, node.body)
    machine.frames.pop()
    for value in cls.names.values():
        if isinstance(value, Function) and value.owner is None:
            value.owner = cls
            value.scope = outer.scope
    machine.classes.append(cls)
    machine.assign(node.name, cls)


def bases_from_outside(cls: Class) -> list[Value]:
    """Bases that could not be read, of the class and of those it is made from."""
    return [b for c in cls.lineage() for b in c.bases if not isinstance(b, Class)]


def is_module(cls: Class) -> bool:
    """It is made from `nn.Module`."""
    return any(isinstance(b, External) and _names_module(b) for b in bases_from_outside(cls))


def _names_module(base: External) -> bool:
    if base.name.startswith(("torch.nn.", "torchvision.models")):
        return "Parallel" not in base.last and base.last != "Parameter"
    return bool(MODULE_BASES.search(base.name)) and base.name.partition(".")[0] not in {
        "pydantic",
        "builtins",
        "keras",
        "tensorflow",
        "django",
    }


def layer_base(cls: Class) -> str:
    """The layer of torch that it is made from, other than `Module` itself: its full name."""
    for base in bases_from_outside(cls):
        if isinstance(base, External) and base.name.startswith("torch.nn.") and base.last != "Module":
            return base.name
    return ""
