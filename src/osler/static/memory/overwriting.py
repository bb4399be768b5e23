"""Arrays that are kept while their memory is changed in place."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import accumulate

from osler.model import OverwrittenFact
from osler.static.machine import Modules
from osler.static.memory.blocks import Class, Function, Thing
from osler.static.memory.calls import instantiate, invoke
from osler.static.memory.candidates import is_worth_following
from osler.static.memory.expressions import evaluate
from osler.static.memory.library import ADDS
from osler.static.memory.scene import Exhausted, Frame, Given, Overwritten, Scene
from osler.static.memory.statements import follow_module, perform
from osler.static.sources import Source, dotted
from osler.static.walking import walk

BUDGET = 20_000
"""Nodes that are looked at in one set of files."""

LONGEST = 16 * BUDGET
"""Characters of source whose nodes are looked at: a node has about eight, and not all are followed."""


def overwritten(sources: Sequence[Source], modules: Modules) -> Iterator[OverwrittenFact]:
    """Each such array, once."""
    sources = _within_reach(sources)
    if not is_worth_following(sources):
        return
    scene = Scene(evaluate, perform, invoke, modules, BUDGET, LONGEST)
    with suppress(Exhausted, RecursionError):
        _follow(scene, sources)
    told = set[tuple[object, str]]()
    read = set[str]()
    for source in sources:
        read |= _names_read(source) if scene.found else set()
    for one in scene.found:
        fact = _fact(one, read)
        if fact is not None and not {(fact.site, ""), (fact.kept, fact.name)} & told:
            told |= {(fact.site, ""), (fact.kept, fact.name)}
            yield fact


def _within_reach(sources: Sequence[Source]) -> Sequence[Source]:
    """Those that can be followed before the budget is used up, files that train first."""
    ordered = sorted(sources, key=lambda s: ".backward(" in s.text, reverse=True)
    ends = accumulate(len(s.text) for s in ordered)
    return [source for source, end in zip(ordered, ends, strict=True) if end <= LONGEST] or ordered[:1]


def _follow(scene: Scene, sources: Sequence[Source]) -> None:
    for source in sources:
        follow_module(scene, source)
    heirs = _heirs(scene)
    for function in scene.functions:
        if function.node not in scene.entered:
            scene.frames.append(Frame(function.scope))
            scene.state = scene.state.copy()
            _follow_alone(scene, function, heirs)
            scene.frames.pop()


def _heirs(scene: Scene) -> dict[Class, Class]:
    """For each class that others are made from one of those: it says what the class leaves open."""
    found: dict[Class, Class] = {}
    for heir in dict.fromkeys(f.owner for f in scene.functions if f.owner is not None):
        found |= {cls: heir for cls in heir.lineage() if cls is not heir}
    return found


def _follow_alone(scene: Scene, function: Function, heirs: dict[Class, Class]) -> None:
    """A function that nothing in these files calls."""
    owners: list[Thing | None] = [None]
    if function.owner is not None:
        cls = heirs.get(function.owner, function.owner)
        owners = [one for one in instantiate(scene, cls, Given()) if isinstance(one, Thing)]
    for owner in owners:
        if function.node not in scene.entered:
            invoke(scene, Function(function.node, function.scope, function.owner, owner), Given())


def _fact(one: Overwritten, read: set[str]) -> OverwrittenFact | None:
    """What a check is told; None if nobody reads the list."""
    written, kept = (one.write.place,), (one.place,)
    if one.holder is not None:
        name = one.holder.name
        if name and name.rpartition(".")[2] not in read:
            return None
        site = (one.ref.by,) if one.ref.by is not None else kept
        return OverwrittenFact(site, _spelled(one), "list", one.ref.giver, written, kept, name)
    by = one.other.by if one.other is not None else None
    if one.other is None or by is None or one.ref.by is None:
        return None
    also = (one.ref.by,) if one.ref.by != by else ()
    return OverwrittenFact(
        (by,), _spelled(one), "pair", one.other.giver, written, kept, one.name, one.later, also
    )


def _spelled(one: Overwritten) -> str:
    """What the source calls the memory where it is changed."""
    return f"self.{one.ref.home[1]}" if one.ref.home is not None else one.ref.block.name


def _names_read(source: Source) -> set[str]:
    """Last names of everything that is read other than to add to it, to count it or to look at its end."""
    found, spared = set[str](), set[int]()
    for node in walk(source.tree) if source.tree is not None else ():
        match node:
            case ast.Attribute(value=ast.Name() | ast.Attribute() as owner, attr=name) if name in ADDS:
                spared.add(id(owner))
            case ast.Call(func=ast.Name(id="len"), args=[owner]):
                spared.add(id(owner))
            case ast.Subscript(value=owner, slice=ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=1))):
                spared.add(id(owner))
            case ast.Name() | ast.Attribute() if isinstance(node.ctx, ast.Load) and id(node) not in spared:
                found.add(dotted(node).rpartition(".")[2])
            case _:
                pass
    return found
