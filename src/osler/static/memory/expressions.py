"""What an expression may stand for."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import replace

from osler.static.memory.blocks import (
    ARRAYS,
    NOTHING,
    Block,
    Function,
    Group,
    One,
    Outside,
    Ref,
    Scope,
    Thing,
    Value,
    either,
    is_array,
    is_list,
)
from osler.static.memory.calls import call
from osler.static.memory.members import WEIGHTS, attribute, part_of
from osler.static.memory.scene import Given, Scene
from osler.static.memory.state import Kept

TURNS = 2
"""Times that the body of a loop is followed: what the first leaves meets the second."""

SETTER = ".setter"
"""Behind the name of a property: the method that is called where it is given a value."""


def evaluate(scene: Scene, node: ast.expr) -> Value:
    """All that an expression may stand for."""
    scene.spend()
    match node:
        case ast.Constant() | ast.JoinedStr():
            return NOTHING
        case ast.Name(id=name):
            value = scene.look_up(name)
            return (Outside(name),) if value is None else value
        case ast.Attribute(value=inner):
            return attribute(scene, node, evaluate(scene, inner))
        case ast.Subscript():
            return _subscript(scene, node)
        case ast.Call():
            return call(scene, node)
        case ast.Tuple(elts=items):
            return (Group(tuple(spread_out(scene, items))),)
        case ast.Dict(values=items):
            return (Group(tuple(evaluate(scene, i) for i in items)),)
        case ast.List(elts=items) | ast.Set(elts=items):
            return _list(scene, node, list(spread_out(scene, items)))
        case _:
            return _computed(scene, node)


def _computed(scene: Scene, node: ast.expr) -> Value:
    match node:
        case ast.BinOp(left=left, right=right):
            return _arithmetic(scene, left, right)
        case ast.UnaryOp(operand=operand):
            return new_of(scene, evaluate(scene, operand))
        case ast.IfExp(test=test, body=body, orelse=orelse):
            evaluate(scene, test)
            return _choice(scene, body, orelse)
        case ast.BoolOp(values=values):
            return either(*(evaluate(scene, v) for v in values))
        case ast.NamedExpr(target=ast.Name(id=name), value=value):
            given = evaluate(scene, value)
            scene.assign(name, given)
            return given
        case ast.Compare(left=left, comparators=others):
            for part in (left, *others):
                evaluate(scene, part)
            return NOTHING
        case ast.Starred(value=value) | ast.Await(value=value):
            return evaluate(scene, value)
        case ast.Lambda():
            return (Function(node, scene.frame.scope),)
        case ast.ListComp() | ast.GeneratorExp() | ast.SetComp():
            return _comprehension(scene, node)
        case _:
            return scene.fresh()


def spread_out(scene: Scene, nodes: Sequence[ast.expr]) -> Iterator[Value]:
    """What expressions stand for, `*these` one by one, as far as they are known."""
    for node in nodes:
        value = evaluate(scene, node)
        match value:
            case _ if not isinstance(node, ast.Starred):
                yield value
            case (Group(items=items),):
                yield from items
            case (Ref(block=Block(kind="list") as block),):
                yield from (kept.value for kept in scene.state.entries.get(block, ()))
            case _:
                yield scene.fresh()


def new_of(scene: Scene, value: Value) -> Value:
    """What is computed from a value: new memory."""
    return scene.fresh("array" if is_array(value) else "other")


def _arithmetic(scene: Scene, left: ast.expr, right: ast.expr) -> Value:
    first, second = evaluate(scene, left), evaluate(scene, right)
    scene.use(left, first)
    scene.use(right, second)
    lists = [v for v in (first, second) if is_list(v)]
    if lists:
        return scene.fresh("list")
    return scene.fresh("array" if is_array(first) or is_array(second) else "other")


def _choice(scene: Scene, body: ast.expr, orelse: ast.expr) -> Value:
    found = list[Value]()

    def way(node: ast.expr) -> bool:
        found.append(evaluate(scene, node))
        return True

    scene.apart([lambda: way(body), lambda: way(orelse)])
    return either(*found)


def _list(scene: Scene, node: ast.expr, items: list[Value]) -> Value:
    made = Block("list")
    now, place = scene.tick(), scene.place(node)
    scene.state.entries[made] = tuple(Kept(item, now, place) for item in items)
    return (Ref(made, now),)


def _comprehension(scene: Scene, node: ast.ListComp | ast.GeneratorExp | ast.SetComp) -> Value:
    made = Block("list")
    frame = scene.frame
    outer, frame.scope = frame.scope, Scope(frame.scope.source, frame.scope)
    first, *others = node.generators
    for turn in range(TURNS if others else turns_over(first.iter)):
        for generator in node.generators:
            over = evaluate(scene, generator.iter)
            bind(scene, generator.target, item_of(scene, over, generator.iter, turn))
            for condition in generator.ifs:
                evaluate(scene, condition)
        value = evaluate(scene, node.elt)
        if isinstance(node, ast.GeneratorExp):  # whoever takes one has done with it before the next
            scene.use(node.elt, value)
        else:
            scene.keep(made, value, node.elt)
    frame.scope = outer
    return scene.fresh() if isinstance(node, ast.GeneratorExp) else (Ref(made, scene.tick()),)


def item_of(scene: Scene, over: Value, node: ast.expr, turn: int) -> Value:
    """What a loop hands out in one of its turns."""
    match node:
        case ast.Call(func=ast.Name(id="enumerate"), args=[inner, *_]):
            return (Group((NOTHING, item_of(scene, evaluate(scene, inner), inner, turn))),)
        case ast.Call(func=ast.Name(id="zip"), args=parts):
            return (Group(tuple(item_of(scene, evaluate(scene, p), p, turn) for p in parts)),)
        case ast.Call(func=ast.Name(id="range" | "trange")):
            return NOTHING
        case _:
            pass
    if len(over) == 1:
        match over[0]:
            case Group(items=items) if items:
                return items[turn % len(items)]
            case Ref(block=Block(kind="list") as block) if entries := scene.state.entries.get(block, ()):
                return entries[turn % len(entries)].value
            case Ref(block=Block(kind="weights") as block) as whole:
                return (replace(whole, block=_weight_of(scene, block, turn)),)
            case _:
                pass
    return scene.fresh()


def turns_over(node: ast.expr) -> int:
    """How often the body of a loop is followed: not twice if there is only one turn."""
    match node:
        case ast.Tuple(elts=items) | ast.List(elts=items) if not any(
            isinstance(i, ast.Starred) for i in items
        ):
            return min(TURNS, len(items))
        case ast.Call(func=ast.Name(id="range"), args=[ast.Constant(value=int() as count)]):
            return min(TURNS, max(count, 0))
        case ast.Call(func=ast.Name(id="enumerate" | "zip" | "reversed" | "tqdm"), args=[first, *others]):
            return min(turns_over(first), *map(turns_over, others), TURNS)
        case _:
            return TURNS


def _weight_of(scene: Scene, weights: Block, turn: int) -> Block:
    """One of the weights of a network, another one in each turn."""
    if str(turn) not in weights.parts:
        weights.parts[str(turn)] = Block("weights", weights.name)
        scene.weights.append(weights.parts[str(turn)])
    return weights.parts[str(turn)]


def bind(scene: Scene, target: ast.expr, value: Value) -> None:
    """Give a target a value, part by part if it has several."""
    match target:
        case ast.Name(id=name):
            scene.assign(name, value)
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            for number, part in enumerate(parts):
                bind(scene, part, _part(scene, value, number, len(parts)))
        case ast.Starred(value=inner):
            bind(scene, inner, scene.fresh("other"))
        case ast.Attribute(value=inner, attr=name):
            for owner in evaluate(scene, inner):
                _give(scene, owner, inner, name, value)
        case ast.Subscript():
            store(scene, target)
        case _:
            pass


def _give(scene: Scene, owner: One, node: ast.expr, name: str, value: Value) -> None:
    """`node.name = value`."""
    match owner:
        case Thing():
            setters = (scene.state.cells.get((cls, name + SETTER), ()) for cls in owner.cls.lineage())
            for one in next(filter(None, setters), ()):
                if isinstance(one, Function):
                    bound = Function(one.node, one.scope, one.owner, owner)
                    scene.invoke(scene, bound, Given([value]))
                    return
            scene.give(owner, name, value)
        case Ref(block=Block(kind=kind, dtype=dtype)) if kind in ARRAYS and name == "data":
            bind(scene, node, value if is_array(value) else scene.fresh(kind, dtype))
        case Ref(block=Block(kind="layer", parts=parts)):
            parts.pop(name, None)
            match value:
                case (Ref(block=given),):
                    parts[name] = given
                    scene.weights += [given] if name in WEIGHTS else []
                case _:
                    pass
        case _:
            pass


def _part(scene: Scene, value: Value, number: int, count: int) -> Value:
    found = [
        one.items[number] if isinstance(one, Group) and len(one.items) == count else scene.fresh()
        for one in value
    ]
    return either(*found) if found else NOTHING


def store(scene: Scene, target: ast.Subscript) -> None:
    """`target[...] = value`: the memory behind the target is changed."""
    evaluate(scene, target.slice)
    root: ast.expr = target.value
    owner = evaluate(scene, root)
    while isinstance(root, ast.Subscript):
        root = root.value
        owner = (*owner, *evaluate(scene, root))
    for one in owner:
        if isinstance(one, Ref) and one.block.kind == "layer":
            one.block.parts.clear()
        if isinstance(one, Ref) and one.block.kind == "list" and isinstance(target.slice, ast.Slice):
            scene.state.entries[one.block] = ()
    if not has_text_key(target):
        scene.change(owner, target)
        scene.renew(root)


def has_text_key(node: ast.Subscript) -> bool:
    """An entry of a dict, or a column of a table."""
    return isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str)


def _subscript(scene: Scene, node: ast.Subscript) -> Value:
    owner = evaluate(scene, node.value)
    index = node.slice
    evaluate(scene, index)
    number = _number(index)
    if len(owner) == 1:
        match owner[0]:
            case Group(items=items) if number is not None and -len(items) <= number < len(items):
                return items[number]
            case Ref(block=Block(kind="layer")) if number is None and not isinstance(index, ast.Constant):
                return scene.fresh("layer")
            case Ref(block=Block(kind="layer") as block):
                return (Ref(part_of(scene, block, ast.unparse(index), node), scene.tick()),)
            case Ref(block=Block(kind="list") as block) if number is not None:
                entries = scene.state.entries.get(block, ())
                if -len(entries) <= number < len(entries):
                    return entries[number].value
            case _:
                pass
    refs = [one for one in owner if isinstance(one, Ref) and one.block.kind in ARRAYS]
    if len(refs) == len(owner) and _is_view(index):
        return owner if _is_whole(index) else tuple(replace(one, is_part=True) for one in refs)
    scene.use(node.value, owner)
    return scene.fresh()


def _number(index: ast.expr) -> int | None:
    match index:
        case ast.Constant(value=int() as number):
            return number
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() as number)):
            return -number
        case _:
            return None


def _is_view(index: ast.expr) -> bool:
    """`[:2]`, `[None]`, `[..., 0]`: the same memory."""
    parts = _axes(index)
    has_axis = any(
        isinstance(p, ast.Slice) or (isinstance(p, ast.Constant) and p.value in {None, ...}) for p in parts
    )
    return has_axis and all(isinstance(p, ast.Slice | ast.Constant) for p in parts)


def _is_whole(index: ast.expr) -> bool:
    """`[:]`, `[None]`: all of it."""
    return all(
        (isinstance(p, ast.Slice) and p.lower is p.upper is p.step is None)
        or (isinstance(p, ast.Constant) and p.value in {None, ...})
        for p in _axes(index)
    )


def _axes(index: ast.expr) -> list[ast.expr]:
    parts = index.elts if isinstance(index, ast.Tuple) else [index]
    return [ast.Constant(None) if getattr(p, "attr", "") == "newaxis" else p for p in parts]
