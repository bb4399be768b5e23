"""Objects of the user's own classes: modules, optimizers, loaders and others."""

from __future__ import annotations

import ast

from osler.model import External, Helper, Kind, Loader, Optimizer, Value
from osler.static.classes import bases_from_outside, is_module, layer_base
from osler.static.knowledge import SCHEDULES
from osler.static.machine import Machine
from osler.static.notes import note_call
from osler.static.parameters import below, held_by
from osler.static.values import Arguments, Class, Function, Instance, UserNetwork
from osler.static.walking import walk


def instantiate(machine: Machine, cls: Class, arguments: Arguments, node: ast.expr) -> Value:
    """What calling a class of the user's makes."""
    outside = {b.last for b in bases_from_outside(cls) if isinstance(b, External)}
    place, target = machine.place(node), machine.target
    if "DataLoader" in outside and not cls.find("__init__"):
        loader = Loader(target, cls.name, place, arguments.options())
        machine.code.loaders.append(loader)
        return loader
    if any(o == "Optimizer" or o in {"SGD", "Adam", "AdamW"} for o in outside):
        return _optimizer(machine, cls, arguments, node)
    if any(SCHEDULES.search(o) for o in outside):
        about = next((v for v in arguments.every() if isinstance(v, Optimizer)), None)
        return Helper("schedule", target, cls.name, place, arguments.options(), about)
    owner: Instance | UserNetwork
    if is_module(cls):
        owner = UserNetwork(target or cls.name, layer_base(cls), place, arguments.options(), cls=cls)
        machine.code.networks.append(owner)
    else:
        owner = Instance(cls)
        machine.born(owner)  # even if it only ever is an argument
    cls.instances.append(owner)
    initialize(machine, owner, cls, arguments, node)
    return owner


def initialize(
    machine: Machine, owner: Instance | UserNetwork, cls: Class, arguments: Arguments, node: ast.expr
) -> None:
    """Run its ``__init__``, or fill in the fields of a data class."""
    start = cls.find("__init__")
    if isinstance(start, Function):
        inside, machine.in_forward = machine.in_forward, 0
        machine.run(machine, start, arguments, node, owner)
        machine.in_forward = inside
        if isinstance(owner, UserNetwork) and never_starts(machine, owner, cls, start):
            note_call(machine, "Module without __init__", Arguments([owner]), start.node)
        return
    fields = [
        s.target.id
        for c in reversed(list(cls.lineage()))
        for s in c.node.body
        if isinstance(s, ast.AnnAssign) and isinstance(s.target, ast.Name)
    ]
    owner.parts.update(zip(fields, arguments.positional, strict=False))
    owner.parts.update(arguments.named)


def never_starts(machine: Machine, owner: UserNetwork, cls: Class, start: Function) -> bool:
    """No way leads from its ``__init__`` to that of `nn.Module`, and all of it was read."""
    if owner.started or owner.handed or machine.budget <= 0 or starts_above(start.node):
        return False
    others = [b for b in bases_from_outside(cls) if not (isinstance(b, External) and b.is_torch)]
    return not others and cls.find("__new__") is None


def starts_above(node: ast.AST) -> bool:
    """Its ``__init__`` calls that of a class above."""
    return any(isinstance(n, ast.Attribute) and n.attr == "__init__" for n in walk(node))


def _optimizer(machine: Machine, cls: Class, arguments: Arguments, node: ast.expr) -> Value:
    first = arguments.at(0, "params")
    optimizer = Optimizer(
        machine.target, cls.name, machine.place(node), held_by(first), options=arguments.options()
    )
    optimizer.seen = below(optimizer.held)
    optimizer.clears = any(map(_clears, cls.lineage()))
    machine.code.optimizers.append(optimizer)
    machine.emit(Kind.BUILD, node, optimizer)
    return optimizer


def _clears(cls: Class) -> bool:
    """A method of an optimizer, other than the one that is there for it, clears gradients."""
    methods = (n for n in cls.node.body if isinstance(n, ast.FunctionDef) and n.name != "zero_grad")
    return any(_is_clear(node) for method in methods for node in walk(method))


def _is_clear(node: ast.AST) -> bool:
    match node:
        case ast.Attribute(attr="zero_grad") | ast.Assign(targets=[ast.Attribute(attr="grad")]):
            return True
        case ast.Attribute(attr="zero_", value=ast.Attribute(attr="grad")):
            return True
        case _:
            return False
