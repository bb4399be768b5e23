"""Calls of numpy and torch: new memory, the same memory, or a change of it."""

from __future__ import annotations

import ast

from osler.static.memory.blocks import ARRAYS, Ref, Value, is_array, is_list
from osler.static.memory.library import (
    CHANGES,
    CHANGES_FIRST,
    COPIES,
    DRAWS,
    ELEMENTWISE,
    IN_PLACE,
    MAKES,
    MAKES_OF_A_LIST,
    NO_CHANGE,
    SHARES,
    VIEWS,
)
from osler.static.memory.scene import Given, Scene

DTYPES = {"float": "float32", "double": "float64", "half": "float16", "long": "int64", "int": "int32"}
"""Types that methods and attributes of torch name differently."""


def dtype_of(node: ast.Call) -> str:
    """The type that a call asks for; empty if none."""
    for keyword in node.keywords:
        if keyword.arg == "dtype":
            return _spelled(keyword.value)
    return ""


def _spelled(node: ast.expr) -> str:
    match node:
        case ast.Attribute(attr=name):
            return DTYPES.get(name, name)
        case ast.Name(id="float"):
            return "float64"
        case ast.Constant(value=str() as name):
            return name
        case _:
            return "?"


def numeric(scene: Scene, node: ast.Call, name: str, given: Given) -> Value:
    """A function of numpy or torch."""
    last = name.rpartition(".")[2]
    if "out" in given.named:
        scene.change(given.named["out"], node)
        for keyword in node.keywords:
            if keyword.arg == "out":
                scene.renew(keyword.value)
        return given.named["out"]
    if name in CHANGES_FIRST:
        scene.change(given.first, node)
        if node.args:
            scene.renew(node.args[0])
        return scene.fresh()
    if name in SHARES:
        return _shared(scene, node, name, given)
    if name.startswith(("numpy.random.", "torch.")) and last in DRAWS:
        drawn = name.startswith("torch.") or node.args or any(k.arg == "size" for k in node.keywords)
        return scene.fresh("array" if drawn else "other")
    if last in MAKES:
        default = "float32" if name.startswith("torch.") else "float64"
        default = default if last in {"zeros", "ones", "empty"} else ""
        return scene.fresh("array", dtype_of(node) or default)
    if last in MAKES_OF_A_LIST:
        is_number = bool(node.args) and isinstance(node.args[0], ast.Constant)
        return scene.fresh("other" if is_number and name.startswith("numpy.") else "array", dtype_of(node))
    is_new = last in ELEMENTWISE and any(is_array(v) for v in given.values)
    return scene.fresh("array" if is_new else "other")


def _shared(scene: Scene, node: ast.Call, name: str, given: Given) -> Value:
    """The memory of the first argument, unless another type or place asks for new memory."""
    if name.endswith("Parameter"):
        scene.weights += [one.block for one in given.first if isinstance(one, Ref)]
        return given.first
    converts = name.endswith(("as_tensor", "asarray", "asanyarray"))
    if is_list(given.first) or (converts and (len(node.args) > 1 or not _keeps_type(node, given))):
        return scene.fresh("array", dtype_of(node))
    known = is_array(given.first) or name == "torch.from_numpy"
    return given.first if known and all(isinstance(one, Ref) for one in given.first) else scene.fresh()


def _keeps_type(node: ast.Call, given: Given) -> bool:
    wanted = dtype_of(node)
    types = {one.block.dtype for one in given.first if isinstance(one, Ref)}
    return set(given.named) <= {"dtype"} and (not wanted or (wanted != "?" and types == {wanted}))


def array_method(scene: Scene, node: ast.Call, function: ast.Attribute, owner: Ref) -> Value:
    """A method of an array, or of what may be one."""
    name, kind = function.attr, owner.block.kind
    changes = name.endswith("_") and not name.startswith("_") and name not in NO_CHANGE
    if changes if kind in ARRAYS else name in IN_PLACE:
        scene.change((owner,), node)
        scene.renew(function.value)
        return (Ref(owner.block, scene.tick()),)
    if kind not in ARRAYS:
        return scene.fresh()
    if name in CHANGES:
        scene.change((owner,), node)
        scene.renew(function.value)
        return scene.fresh()
    if name in VIEWS and not node.keywords:
        return (owner,)
    if name in COPIES:
        wanted = DTYPES.get(name, "") or (_spelled(node.args[0]) if name == "astype" and node.args else "")
        if name in {"float", "double"} and owner.block.dtype == wanted:
            return (owner,)
        return scene.fresh("array", wanted or (owner.block.dtype if name in {"copy", "clone"} else ""))
    return scene.fresh()


def draws(scene: Scene, name: str, node: ast.Call, given: Given) -> Value:
    """A method of a generator of random numbers that is not known; nothing if it is no such method."""
    if name == "shuffle" and node.args:
        scene.change(given.first, node)
        scene.renew(node.args[0])
    return scene.fresh("array") if name in DRAWS and "size" in given.named else ()
