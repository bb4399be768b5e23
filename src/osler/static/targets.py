"""Assignment: what a target stands for from then on."""

from __future__ import annotations

import ast

from osler.model import (
    Const,
    Helper,
    Kind,
    Loader,
    Network,
    Optimizer,
    Parameters,
    Series,
    Table,
    Tensor,
    Unknown,
    Value,
)
from osler.static.filling import fill_by_item
from osler.static.handing import lend
from osler.static.iteration import element
from osler.static.iterators import keep
from osler.static.machine import Machine
from osler.static.notes import note_call
from osler.static.roles import baptized
from osler.static.sources import dotted
from osler.static.touching import gradient, touch
from osler.static.values import Arguments, Class, Doing, Instance, Namespace


def bind(machine: Machine, target: ast.expr, value: Value, node: ast.AST) -> None:
    """Give a target a value."""
    match target:
        case ast.Name():
            before = machine.frame.scope.holder(target.id).names.get(target.id)
            _replace(before, value)
            given = baptized(value, target.id, machine.source, machine.place(node))
            if _is_alias(node) and type(given) is Unknown:
                given = value
            if machine.once:
                keep(machine, before, given, target)
            machine.assign(target.id, named(machine, given, target))
        case ast.Attribute():
            _bind_attribute(machine, target, value, node)
        case ast.Subscript():
            _bind_item(machine, target, value)
        case ast.Tuple() | ast.List():
            _unpack(machine, target, value, node)
        case ast.Starred():
            bind(machine, target.value, Series([value], whole=False), node)
        case _:
            pass


def _is_alias(node: ast.AST) -> bool:
    """One name is given to what has another."""
    return isinstance(node, ast.Assign) and isinstance(node.value, ast.Name)


def _replace(before: Value | None, value: Value) -> None:
    """An optimizer whose name is given to a new one, built at another line, is out of use."""
    if isinstance(before, Optimizer) and isinstance(value, Optimizer) and value.made:
        before.replaced |= before.place != value.place and before not in value.variants


def named(machine: Machine, value: Value, target: ast.expr) -> Value:
    """An object without a name gets that of the first target."""
    del machine
    if isinstance(value, Network | Optimizer | Loader | Helper) and not value.name:
        value.name = dotted(target)
    return value


def _bind_attribute(machine: Machine, target: ast.Attribute, value: Value, node: ast.AST) -> None:
    owner = machine.evaluate(machine, target.value)
    name = dotted(target) or target.attr
    value = named(machine, baptized(value, name, machine.source, machine.place(node)), target)
    _give(machine, owner, target, value)
    if isinstance(owner, Helper) and owner.role == "sampler":
        note_call(machine, f"Sampler.{target.attr}", Arguments([owner, value]), target)
    if "grad" in target.attr and isinstance(owner, Network | Tensor) and isinstance(node, ast.stmt):
        note_call(machine, f"set.{target.attr}", Arguments([owner, value]), node)
    if target.attr in {"grad", "data"} and _is_of_tensor(machine, owner, target.attr, value, node):
        return
    match owner:
        case Doing(name="data") if isinstance(owner.receiver, Tensor):
            pass
        case Network() if target.attr == "requires_grad":
            pass
        case Tensor() if target.attr == "requires_grad":
            freeze(owner, value)
        case Network() if isinstance(value, Network) and isinstance(owner.parts.get(target.attr), Network):
            machine.emit(Kind.BUILD, node, owner, None, "replaces", f"part:{target.attr}")
            machine.write(owner.parts, target.attr, value)
        case Network() | Instance() | Unknown():
            _remember_usual(owner, target.attr)
            machine.write(owner.parts, target.attr, value)
        case Table():
            machine.write(owner.items, target.attr, value)
        case Class():
            machine.write(owner.names, target.attr, value)
        case Namespace():
            machine.write(owner.scope.names, target.attr, value)
        case _:
            pass


def _remember_usual(owner: Value, name: str) -> None:
    """What an attribute was before it is first written: the value of the class."""
    if isinstance(owner, Instance) and (usual := owner.cls.find(name)) is not None:
        owner.parts.setdefault(name, usual)


def _give(machine: Machine, owner: Value, target: ast.Attribute, value: Value) -> None:
    """An object has it from now on, in the place of what it had."""
    if isinstance(owner, Unknown):
        lend(value)
    if isinstance(owner, Network | Instance | Unknown):
        keep(machine, owner.parts.get(target.attr), value, target)


def _is_of_tensor(machine: Machine, owner: Value, name: str, value: Value, node: ast.AST) -> bool:
    """`parameter.grad = …` and `parameter.grad.data = …` change a gradient, `parameter.data = …` a weight."""
    changed = owner if name == "grad" and isinstance(owner, Tensor | Unknown) else gradient(owner)
    if changed is not None:
        touch(machine, changed, "written", value, node)
    elif isinstance(owner, Tensor) and owner.leaf is not None:
        machine.emit(Kind.STEP, node, owner.leaf, None, "by hand")
    return changed is not None or isinstance(owner, Tensor)


def freeze(tensor: Tensor, value: Value) -> None:
    """`parameter.requires_grad = False`."""
    if isinstance(tensor.leaf, Network) and not (isinstance(value, Const) and value.value is True):
        tensor.leaf.frozen = True
        for variant in tensor.leaf.variants:
            variant.frozen = True


def _bind_item(machine: Machine, target: ast.Subscript, value: Value) -> None:
    owner = machine.evaluate(machine, target.value)
    key = machine.evaluate(machine, target.slice)
    if isinstance(owner, Unknown):
        lend(value)
    if (gradient_of := gradient(owner)) is not None:
        whole = isinstance(target.slice, ast.Slice) and target.slice.upper is None
        touch(machine, gradient_of, "written", value if whole else None, target)
        return
    match owner:
        case Table():
            if isinstance(key, Const):
                machine.write(owner.items, key.value, _settled(machine, owner, value))
            else:
                owner.items[(target.lineno, target.col_offset)] = value
                owner.whole = False
        case Series() if not isinstance(key, Const):
            owner.items.append(value)
            owner.whole = False
        case Series():
            forget_item(owner, key)
        case Parameters():
            owner.known = False
        case Network() if isinstance(key, Const):
            machine.write(owner.parts, str(key.value), value)
        case Unknown() if isinstance(key, Const):
            machine.write(owner.parts, f"[{key.value!r}]", value)
        case Tensor():
            fill_by_item(machine, target, owner, value)
        case _:
            pass


def forget_item(owner: Series, key: Value | None) -> None:
    """A number in a list that is given another value may be anything from then on."""
    match key:
        case Const(value=int() as at) if -len(owner.items) <= at < len(owner.items):
            if isinstance(owner.items[at], Const):
                owner.items[at] = Unknown()
        case _:
            pass


def _settled(machine: Machine, owner: Table, value: Value) -> Value:
    """A number that a function puts into what others made may be another one at its next call."""
    is_foreign = machine.frame.function not in ("", owner.place.function)
    return Unknown() if is_foreign and isinstance(value, Const) and value.value is not None else value


def _unpack(machine: Machine, target: ast.Tuple | ast.List, value: Value, node: ast.AST) -> None:
    items = target.elts
    if isinstance(value, Series) and value.whole and len(value.items) == len(items):
        for item, part in zip(items, value.items, strict=True):
            bind(machine, item, part, node)
        return
    for item in items:
        bind(machine, item, _part(machine, value, node), node)


def _part(machine: Machine, value: Value, node: ast.AST) -> Value:
    match value:
        case Tensor():
            return value
        case Series() | Table() | Parameters():
            return element(machine, value, node)
        case _:
            return Unknown()
