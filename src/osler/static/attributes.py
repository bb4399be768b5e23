"""The value of `owner.name`."""

from __future__ import annotations

import ast
from dataclasses import replace

from osler.model import (
    Const,
    External,
    Helper,
    Loader,
    Loss,
    Maybe,
    Network,
    Optimizer,
    Parameters,
    Series,
    Sizes,
    Table,
    Tensor,
    Unknown,
    Value,
)
from osler.static.knowledge import SHAPES
from osler.static.machine import Machine
from osler.static.notes import note_call
from osler.static.roles import guess
from osler.static.sources import dotted
from osler.static.tensors import operate, severed
from osler.static.values import (
    Arguments,
    Bound,
    Class,
    Doing,
    Function,
    Instance,
    Namespace,
    Super,
    UserNetwork,
)

ASKED_OF_TENSORS = SHAPES | frozenset(
    "requires_grad is_cuda grad_fn is_leaf layout names itemsize nbytes is_sparse".split()
)

TURNS = frozenset({"T", "mT", "H", "mH"})
"""Attributes that are the tensor with its axes exchanged."""

METHODS_OF_DICTS = frozenset(dir(dict))


def attribute(machine: Machine, owner: Value, name: str, node: ast.expr, *, called: bool = False) -> Value:
    """What `owner.name` is.

    Args:
        machine: the reader.
        owner: the value before the dot.
        name: what follows it.
        node: the expression.
        called: it is called at once, so that it is a method.
    """
    match owner:
        case External():
            return External(f"{owner.name}.{name}")
        case Maybe():
            return attribute(machine, owner.value, name, node, called=called)
        case Namespace():
            return _of_module(machine, owner, name)
        case Class():
            return _of_class(owner, name)
        case Instance() | UserNetwork():
            return _of_object(machine, owner, name, node, called=called)
        case Super():
            return _of_super(owner, name)
        case Table() if name in owner.items and name not in METHODS_OF_DICTS:  # a namespace
            return owner.items[name]
        case _:
            return _of_known(machine, owner, name, node, called=called)


def _of_class(owner: Class, name: str) -> Value:
    found = owner.find(name) or Unknown(name)
    return Bound(found, owner) if isinstance(found, Function) and found.is_made("classmethod") else found


def _of_module(machine: Machine, owner: Namespace, name: str) -> Value:
    value = owner.scope.names.get(name)
    if value is not None:
        return value
    inner = machine.modules.find(owner.source, name, 1)
    if inner is not None and inner.file in machine.imported:
        return Namespace(inner, machine.imported[inner.file])
    return Unknown(name)


def _of_object(
    machine: Machine, owner: Instance | UserNetwork, name: str, node: ast.expr, *, called: bool
) -> Value:
    if name in owner.parts:
        value = owner.parts[name]
        counts = isinstance(value, Const) and value.value is not None
        return Unknown(name) if counts and _changes(owner, name) else value
    found = owner.cls.find(name) if owner.cls else None
    if isinstance(found, Function):
        return _method(machine, found, owner, node, called=called)
    if found is not None:
        return found
    if isinstance(owner, UserNetwork):
        return _of_network(owner, name, called=called)
    if name == "__class__" or called:
        return Doing(owner, name)
    value = guess(f"self.{name}", machine.source, machine.place(node))
    owner.parts[name] = value
    return value


def _changes(owner: Instance | UserNetwork, name: str) -> bool:
    """A number or flag that methods change has no known value between them."""
    return owner.cls is not None and any(name in c.changing for c in owner.cls.lineage())


def _method(machine: Machine, found: Function, owner: Value, node: ast.expr, *, called: bool) -> Value:
    if found.is_made("staticmethod"):
        return found
    if found.is_made("classmethod") and isinstance(owner, Instance | UserNetwork) and owner.cls:
        return Bound(found, owner.cls)
    if found.is_made("property", "cached_property", "lazy_property") and not called:
        return machine.invoke(machine, Bound(found, owner), Arguments(), node)
    return Bound(found, owner)


def _of_super(owner: Super, name: str) -> Value:
    lineage = [c for base in owner.cls.bases if isinstance(base, Class) for c in base.lineage()]
    for cls in lineage:
        found = cls.names.get(name)
        if isinstance(found, Function):
            return Bound(found, owner.owner)
    return Doing(owner, name)


def _of_known(machine: Machine, owner: Value, name: str, node: ast.expr, *, called: bool) -> Value:
    match owner:
        case Network():
            return _of_network(owner, name, called=called)
        case Tensor():
            return _of_tensor(machine, owner, name, node, called=called)
        case Doing() if not called and isinstance(owner.receiver, Tensor) and name == "data":
            return owner
        case Optimizer() if name in {"optimizer", "_optimizer"} and not called:
            return owner
        case Loader() if name == "sampler" and name in owner.options:
            return owner.options[name]
        case Helper(role="sampler") if not called:
            note_call(machine, f"Sampler.{name}", Arguments([owner]), node)
            return Doing(owner, name)
        case (
            Optimizer() | Loader() | Loss() | Helper() | Parameters() | Series() | Table() | Doing() | Const()
        ):
            return Doing(owner, name)
        case Unknown():
            return _of_unknown(machine, owner, name, node, called=called)
        case _:
            return Unknown(name)


def _of_network(owner: Network, name: str, *, called: bool) -> Value:
    if name == "training":
        owner.switches = True
        return Unknown(name)
    if name in owner.parts:
        return owner.parts[name]
    if name == "module" and not called:
        return owner
    if called:
        return Doing(owner, name)
    for variant in owner.variants:
        if name in variant.parts:
            return variant.parts[name]
    if owner.known:
        return Unknown(name)
    part = Network(name, place=owner.place, known=False, pretrained=owner.pretrained)
    owner.parts[name] = part
    return part


def _of_tensor(machine: Machine, owner: Tensor, name: str, node: ast.expr, *, called: bool) -> Value:
    if name in {"grad", "_grad"}:
        return Doing(owner, "grad")
    if called:
        return Doing(owner, name)
    if name in ASKED_OF_TENSORS:
        return Sizes(of=owner) if name == "shape" else Unknown(name)
    if name == "data":
        if owner.leaf is not None:
            return Doing(owner, "data")
        return severed("data", [owner], machine.place(node))
    if name in TURNS:
        return operate(machine, name, (owner,), node)
    if not owner.certain or owner.batch is not None:
        return replace(owner, rows=False, shuffled=None) if owner.rows or owner.shuffled else owner
    return operate(machine, name, (owner,), node)


def _of_unknown(machine: Machine, owner: Unknown, name: str, node: ast.expr, *, called: bool) -> Value:
    if called and name not in owner.parts:
        return Doing(owner, name)
    if name not in owner.parts:
        owner.parts[name] = guess(dotted(node) or name, machine.source, machine.place(node))
    return owner.parts[name]
