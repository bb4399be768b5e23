"""What a call returns, and what it does with the memory that it is given."""

from __future__ import annotations

import ast
import builtins

from osler.static.memory.arrays import array_method, draws, numeric
from osler.static.memory.blocks import (
    NOTHING,
    Block,
    Class,
    Function,
    Group,
    One,
    Outside,
    Ref,
    Scope,
    Thing,
    Value,
    either,
    is_list,
)
from osler.static.memory.library import (
    ADDS,
    FORGETS,
    LISTS,
    LOOKS_ONLY,
    RECORDS,
    SHAPES,
    TAKES,
    TAKES_FIRST,
    TELLS,
    is_layer,
    is_numeric,
    is_optimizer,
)
from osler.static.memory.members import attribute, forget, has_unknown_base, names_of
from osler.static.memory.scene import Frame, Given, Scene
from osler.static.memory.state import Kept, joined

DEEPEST = 12
"""Calls followed into each other."""

RECORD = "osler record"
"""Stands for a class that only holds what it is given."""

HARMLESS = frozenset(
    "no_grad enable_grad inference_mode staticmethod classmethod property cached_property override final "
    "abstractmethod torch_no_grad setter".split()
)
"""Decorators that leave alone what a function returns."""

ITSELF = frozenset("to cuda cpu train eval float double half requires_grad_ apply".split())
"""Methods of a module that return the module."""

BUILTINS = frozenset(dir(builtins))


def call(scene: Scene, node: ast.Call) -> Value:
    """All that a call may return."""
    function = node.func
    if isinstance(function, ast.Attribute):
        if isinstance(function.value, ast.Call) and getattr(function.value.func, "id", "") == "super":
            return _of_base(scene, node, function.attr)
        owner = scene.evaluate(scene, function.value)
        given = arguments(scene, node)
        if function.attr not in TELLS:
            _note_use(scene, node, given, owner)
            if function.attr not in SHAPES:
                scene.use(function.value, owner)
        found = [_method(scene, node, function, one, given) for one in owner]
    else:
        callee = scene.evaluate(scene, function)
        given = arguments(scene, node)
        _note_use(scene, node, given, callee)
        found = [_called(scene, node, one, given) for one in callee]
    return either(*found) if found else scene.fresh()


def _note_use(scene: Scene, node: ast.Call, given: Given, callee: Value) -> None:
    names = [one.name for one in callee if isinstance(one, Outside)]
    if names and isinstance(node.func, ast.Attribute):
        names = [f"{name}.{node.func.attr}" for name in names]
    if not any(name in LOOKS_ONLY for name in names):
        everything = given.all
        for part, value in given.nodes:
            scene.use(part, value, everything)


def arguments(scene: Scene, node: ast.Call) -> Given:
    """The arguments of a call."""
    given = Given()
    for part in node.args:
        value = scene.evaluate(scene, part)
        given.nodes.append((part, value))
        if isinstance(part, ast.Starred):
            items = value[0].items if len(value) == 1 and isinstance(value[0], Group) else (scene.fresh(),)
            given.values += items
        else:
            given.values.append(value)
    for keyword in node.keywords:
        value = scene.evaluate(scene, keyword.value)
        given.nodes.append((keyword.value, value))
        given.named[keyword.arg or "**"] = value
    return given


def _method(scene: Scene, node: ast.Call, function: ast.Attribute, owner: One, given: Given) -> Value:
    name = function.attr
    match owner:
        case Outside() if name in TELLS:
            return scene.fresh()
        case Outside(name=known):
            return _outside(scene, node, f"{known}.{name}", given)
        case Ref(block=Block(kind="list") as block):
            return _on_list(scene, node, block, name, given)
        case Ref(block=Block(kind="layer" | "optimizer") as block):
            return _on_layer(scene, node, block, name, owner)
        case Ref(block=Block(kind=kind)):
            if kind == "other" and name not in TELLS:
                _may_change(scene, given)
            return draws(scene, name, node, given) or array_method(scene, node, function, owner)
        case Thing():
            return _on_thing(scene, node, owner, function, given)
        case _:
            callee = attribute(scene, function, (owner,))
            return either(*(_called(scene, node, one, given) for one in callee)) if callee else scene.fresh()


def _on_thing(scene: Scene, node: ast.Call, thing: Thing, function: ast.Attribute, given: Given) -> Value:
    name = function.attr
    if thing.cls.is_module and name in {"parameters", "named_parameters", "register_buffer", *ITSELF}:
        return _on_module(scene, thing, name, node, given)
    callee = attribute(scene, function, (thing,))
    if not any(isinstance(one, Function) for one in callee) and has_unknown_base(thing.cls):
        forget(scene, thing)
    return either(*(_called(scene, node, one, given) for one in callee)) if callee else scene.fresh()


def _on_module(scene: Scene, thing: Thing, name: str, node: ast.Call, given: Given) -> Value:
    if name in ITSELF:
        return (thing,)
    if name == "parameters":
        return (Ref(_weights(scene, thing.weights, node), scene.tick()),)
    match node.args:
        case [ast.Constant(value=str() as attr), _, *_] if name == "register_buffer":
            scene.give(thing, attr, given.values[1])
        case _:
            pass
    return scene.fresh()


def _weights(scene: Scene, block: Block, node: ast.expr) -> Block:
    if block not in scene.weights:
        block.name = ast.unparse(node)
        scene.weights.append(block)
    return block


def _on_layer(scene: Scene, node: ast.Call, block: Block, name: str, owner: Ref) -> Value:
    if block.kind == "optimizer":
        if name == "step":
            scene.change(tuple(Ref(b) for b in scene.weights), node)
        return scene.fresh()
    if name == "parameters":
        below = block.parts.setdefault("()", Block("weights"))
        return (Ref(_weights(scene, below, node), scene.tick()),)
    return (owner,) if name in ITSELF else scene.fresh()


def _on_list(scene: Scene, node: ast.Call, block: Block, name: str, given: Given) -> Value:
    entries = scene.state.entries.get(block, ())
    if name in ADDS and given.values:
        scene.keep(block, given.first, node)
    elif name == "insert" and len(given.values) > 1:
        scene.keep(block, given.values[1], node)
    elif name == "extend" and len(given.first) == 1 and isinstance(given.first[0], Group):
        for item in given.first[0].items:
            scene.keep(block, item, node)
    elif name in FORGETS:
        scene.state.entries[block] = ()
    elif name in TAKES | TAKES_FIRST and entries:
        return _taken(scene, node, block, entries, is_first=name in TAKES_FIRST)
    elif name == "copy":
        return _list_of(scene, entries)
    return scene.fresh()


def _taken(scene: Scene, node: ast.Call, block: Block, entries: tuple[Kept, ...], *, is_first: bool) -> Value:
    """An entry is taken out of a list: the first, the last, or nobody knows which."""
    match "0" if is_first else "".join(map(ast.unparse, node.args)):
        case "0":
            scene.state.entries[block] = entries[1:]
            return entries[0].value
        case "" | "-1":
            scene.state.entries[block] = entries[:-1]
            return entries[-1].value
        case _:
            scene.state.entries[block] = ()
            return scene.fresh()


def _list_of(scene: Scene, entries: tuple[Kept, ...] = (), longest: int = 0) -> Value:
    made = Block("list", longest=longest)
    scene.state.entries[made] = entries
    return (Ref(made, scene.tick()),)


def _called(scene: Scene, node: ast.Call, callee: One, given: Given) -> Value:
    match callee:
        case Function():
            return invoke(scene, callee, given)
        case Class():
            return instantiate(scene, callee, given)
        case Outside(name=name):
            return _outside(scene, node, name, given)
        case Thing():
            for name in ("__call__", "forward"):
                for cls in callee.cls.lineage():
                    for one in scene.state.cells.get((cls, name), ()):
                        if isinstance(one, Function):
                            bound = Function(one.node, one.scope, one.owner, callee)
                            return invoke(scene, bound, given)
            return scene.fresh()
        case _:
            return _unknown(scene, given)


def _unknown(scene: Scene, given: Given) -> Value:
    _may_change(scene, given)
    return scene.fresh()


def _may_change(scene: Scene, given: Given) -> None:
    """What cannot be read may empty the lists that it gets, and give objects other attributes."""
    for _, value in given.nodes:
        for one in value:
            if isinstance(one, Ref) and one.block.kind == "list":
                scene.state.entries[one.block] = ()
            elif isinstance(one, Thing):
                forget(scene, one)


def _outside(scene: Scene, node: ast.Call, name: str, given: Given) -> Value:
    if name in LISTS:
        return _new_list(scene, node, given)
    if name in RECORDS or name == RECORD:
        return (Outside(RECORD),) if name in RECORDS else given.all
    if is_optimizer(name):
        return scene.fresh("optimizer")
    if is_layer(name) and not name.endswith("Parameter"):
        return scene.fresh("layer")
    if name in {"tuple", "sorted", "reversed"} and is_list(given.first):
        block = next(one.block for one in given.first if isinstance(one, Ref))
        return (Group(tuple(e.value for e in scene.state.entries.get(block, ()))),)
    if name in {"copy.copy", "copy.deepcopy"}:
        kinds = {one.block.kind for one in given.first if isinstance(one, Ref)}
        return scene.fresh(kinds.pop() if len(kinds) == 1 else "other")
    if is_numeric(name) or "out" in given.named:
        return numeric(scene, node, name, given)
    if name in {"setattr", "vars"}:
        return _by_its_name(scene, node, given)
    return scene.fresh() if name in BUILTINS or name.startswith("random.") else _unknown(scene, given)


def _by_its_name(scene: Scene, node: ast.Call, given: Given) -> Value:
    """`setattr(owner, "name", value)`, `vars(owner)`."""
    for one in given.first:
        match node.args:
            case [_, ast.Constant(value=str() as name), _] if isinstance(one, Thing):
                scene.give(one, name, given.values[2])
            case _ if isinstance(one, Thing):
                forget(scene, one)
            case _:
                pass
    return scene.fresh()


def _new_list(scene: Scene, node: ast.Call, given: Given) -> Value:
    longest = 0
    for part in (*node.args[1:2], *(k.value for k in node.keywords if k.arg == "maxlen")):
        match part:
            case ast.Constant(value=int() as longest):
                pass
            case _:
                longest = 0
    entries: tuple[Kept, ...] = ()
    for one in given.first:
        if isinstance(one, Ref):
            entries += scene.state.entries.get(one.block, ())
    return _list_of(scene, entries, longest)


def _of_base(scene: Scene, node: ast.Call, name: str) -> Value:
    """`super().name(...)`."""
    given, function = arguments(scene, node), scene.frame.function
    if function is None or function.owner is None or function.thing is None:
        return scene.fresh()
    above = list(function.thing.cls.lineage())
    above = above[above.index(function.owner) + 1 :] if function.owner in above else []
    for cls in above:
        for one in scene.state.cells.get((cls, name), ()):
            if isinstance(one, Function):
                return invoke(scene, Function(one.node, one.scope, one.owner, function.thing), given)
    if has_unknown_base(function.thing.cls):
        forget(scene, function.thing)
    return scene.fresh()


def instantiate(scene: Scene, cls: Class, given: Given) -> Value:
    """A new object of a class."""
    is_record = any(base in RECORDS for base in cls.outer_bases())
    start = next((o for c in cls.lineage() for o in scene.state.cells.get((c, "__init__"), ())), None)
    decorators = {
        getattr(d.func if isinstance(d, ast.Call) else d, "id", "") for d in cls.node.decorator_list
    }
    if is_record or (start is None and "dataclass" in decorators):
        return given.all
    thing = Thing(cls)
    if isinstance(start, Function):
        invoke(scene, Function(start.node, start.scope, start.owner, thing), given)
    return (thing,)


def invoke(scene: Scene, function: Function, given: Given) -> Value:
    """What a function of the user's returns."""
    known = [f.function.node for f in scene.frames if f.function is not None]
    if len(known) >= DEEPEST or function.node in known or not set(names_of(function)) <= HARMLESS:
        return _unknown(scene, given)
    if not isinstance(function.node, ast.Lambda) and scene.traits(function.node).is_lazy:
        return scene.fresh()
    scene.entered.add(function.node)
    if _is_left_open(function):
        if function.thing is not None:
            forget(scene, function.thing)
        return _unknown(scene, given)
    frame = Frame(Scope(function.scope.source, function.scope), function)
    scene.frames.append(frame)
    bind_parameters(scene, function, given)
    if isinstance(function.node, ast.Lambda):
        value = scene.evaluate(scene, function.node.body)
        scene.frames.pop()
        return value
    alive = scene.perform(scene, function.node.body)
    scene.frames.pop()
    states = [state for _, state in frame.returned] + ([scene.state] if alive else [])
    if states:
        scene.state = joined(states)
    if not scene.traits(function.node).has_closure:
        for key in [key for key in scene.state.cells if key[0] is frame.scope]:
            del scene.state.cells[key]
    return either(*(value for value, _ in frame.returned)) if frame.returned else NOTHING


def _is_left_open(function: Function) -> bool:
    """Its lines are for another class to write."""
    body = [] if isinstance(function.node, ast.Lambda) else function.node.body
    match [n for n in body if not isinstance(n, ast.Expr)]:
        case [ast.Raise(exc=ast.expr() as raised)]:
            return "NotImplemented" in ast.unparse(raised)
        case _:
            return "abstractmethod" in names_of(function)


def bind_parameters(scene: Scene, function: Function, given: Given) -> None:
    """Give the parameters of a function their values."""
    names = function.node.args
    places = [*names.posonlyargs, *names.args]
    values = list(given.values)
    if function.thing is not None:
        values.insert(0, (function.thing,))
    elif function.owner is not None and "classmethod" in names_of(function):
        values.insert(0, (function.owner,))
    named = dict(given.named)
    for number, place in enumerate(places):
        if number < len(values):
            value = values[number]
        else:
            value = named.pop(place.arg, None) or _by_annotation(scene, place)
        scene.assign(place.arg, value)
    for place in names.kwonlyargs:
        scene.assign(place.arg, named.pop(place.arg, None) or _by_annotation(scene, place))
    if names.vararg is not None:
        scene.assign(names.vararg.arg, (Group(tuple(values[len(places) :])),))
    if names.kwarg is not None:
        scene.assign(names.kwarg.arg, (Group(tuple(named.values())),))


def _by_annotation(scene: Scene, place: ast.arg) -> Value:
    """An object of the class that the annotation names; it is not known what is in it."""
    if isinstance(place.annotation, ast.Name):
        found = scene.look_up(place.annotation.id) or ()
        if len(found) == 1 and isinstance(found[0], Class):
            return instantiate(scene, found[0], Given())
    return scene.fresh()
