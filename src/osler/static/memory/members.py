"""Attributes and methods: of objects of the user's classes, of modules, layers and arrays."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace

from osler.static.memory.blocks import (
    ARRAYS,
    NOTHING,
    Block,
    Class,
    Function,
    One,
    Outside,
    Ref,
    Scope,
    Thing,
    Value,
    either,
)
from osler.static.memory.library import HARMLESS_BASES, SAME, SHAPES
from osler.static.memory.scene import Given, Scene

WEIGHTS = frozenset({"weight", "bias"})


def attribute(scene: Scene, node: ast.Attribute, owners: Value) -> Value:
    """`owner.name`, for all that the owner may be."""
    return either(*(_attribute(scene, node, one) for one in owners)) if owners else scene.fresh()


def _attribute(scene: Scene, node: ast.Attribute, owner: One) -> Value:
    name = node.attr
    match owner:
        case Outside(name=known):
            return (Outside(f"{known}.{name}"),)
        case Scope():
            return scene.state.cells.get((owner, name)) or scene.fresh()
        case Thing() if name == "__dict__":
            forget(scene, owner)
            return scene.fresh()
        case Thing():
            return member(scene, owner, name)
        case Class():
            return _class_member(scene, owner, name)
        case Ref(block=Block(kind="layer") as block):
            return (Ref(part_of(scene, block, name, node), scene.tick()),)
        case Ref(block=Block(kind=kind)) if kind in ARRAYS and name in SAME:
            return (owner,)
        case Ref() if name in SHAPES:
            return NOTHING
        case _:
            return scene.fresh()


def part_of(scene: Scene, layer: Block, name: str, node: ast.expr) -> Block:
    """A layer below a layer, or its weights; the same whenever it is asked for."""
    if name not in layer.parts:
        is_weight = name in WEIGHTS
        layer.parts[name] = Block("weights" if is_weight else "layer", ast.unparse(node))
        if is_weight:
            scene.weights.append(layer.parts[name])
    return layer.parts[name]


def _class_member(scene: Scene, cls: Class, name: str) -> Value:
    for one in cls.lineage():
        if (one, name) in scene.state.cells:
            return scene.state.cells[one, name]
    return scene.fresh()


def member(scene: Scene, thing: Thing, name: str) -> Value:
    """An attribute of an object: its own, or a method or value of its class."""
    own = scene.state.cells.get((thing, name))
    if own is None:
        for cls in thing.cls.lineage():
            own = scene.state.cells.get((cls, name))
            if own is not None:
                break
    if own is None:
        own = scene.fresh()
        if not any((cls, "__getattr__") in scene.state.cells for cls in thing.cls.lineage()):
            scene.give(thing, name, own)
    now = scene.tick()
    found = list[Value]()
    for one in own:
        if isinstance(one, Function) and one.owner is not None:
            found.append(_method(scene, thing, one))
        elif isinstance(one, Ref) and (one.by is None or (one.home and one.home[0] is thing)):
            found.append((replace(one, since=now, home=(thing, name), by=None),))
        else:
            found.append((one,))
    return either(*found) if found else NOTHING


def forget(scene: Scene, thing: Thing) -> None:
    """What cannot be read may have changed all attributes."""
    for owner, name in [key for key in scene.state.cells if key[0] is thing]:
        scene.state.cells[owner, name] = scene.fresh()


def _method(scene: Scene, thing: Thing, function: Function) -> Value:
    decorators = set(names_of(function))
    bound = Function(function.node, function.scope, function.owner, thing)
    if "staticmethod" in decorators:
        return (Function(function.node, function.scope),)
    if decorators & {"property", "cached_property"}:
        return scene.invoke(scene, bound, Given())
    return (bound,)


def names_of(function: Function) -> Iterator[str]:
    """The last names of its decorators."""
    for decorator in getattr(function.node, "decorator_list", ()):
        inner = decorator.func if isinstance(decorator, ast.Call) else decorator
        yield inner.attr if isinstance(inner, ast.Attribute) else getattr(inner, "id", "")


def has_unknown_base(cls: Class) -> bool:
    """Something from outside may do what is not seen with the attributes of its objects."""
    return any(not base.startswith(HARMLESS_BASES) for base in cls.outer_bases())
