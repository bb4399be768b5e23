"""Files in, `Code` out: every way into a set of files that belong together is followed once."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from osler.model import Code, Const, Loop, Node, Place, Trace, Value
from osler.static.calls import invoke, run
from osler.static.classes import is_module
from osler.static.cumulated import cumulated
from osler.static.expressions import evaluate
from osler.static.fitting import fits_before_splits
from osler.static.fold_models import carried_over_folds
from osler.static.hand_updates import hand_updates
from osler.static.idle_parts import idle_parts
from osler.static.knowledge import FRAMEWORKS
from osler.static.ledger import keep_ledger
from osler.static.loose_loads import loose_loads
from osler.static.machine import BUDGET, Frame, Machine, Modules
from osler.static.memory.overwriting import overwritten
from osler.static.moved_apart import moved_apart
from osler.static.objects import initialize
from osler.static.padded import padded
from osler.static.refitting import refits
from osler.static.repeated_passes import repeated_passes
from osler.static.resumptions import resumptions
from osler.static.sources import Source, parsed
from osler.static.spread import spread
from osler.static.statements import execute
from osler.static.values import Arguments, Bound, Class, Function, Instance, Scope, UserNetwork
from osler.static.widths import widths

RECURSION = 15_000
"""Calls of the reader inside each other: 150 levels of nesting in each of 24 functions would need as many."""

BYTES_PER_NODE = 8
"""How much source there is for each node that may be looked at, beyond one budget for everything."""


def read_code(sources: Sequence[Source], modules: Modules) -> Code:
    """Follow every way into these files."""
    code = Code(tuple(s.file for s in sources))
    for source in sources:  # one after the other: its tree is thrown away if there are many
        parsed(source)
        with deep_recursion():
            code.fitted += tuple(fits_before_splits(source))
            code.hand_updates += tuple(hand_updates(source))
            code.loose_loads += tuple(loose_loads(source))
    with deep_recursion():
        return _read(sources, modules, code)


def _read(sources: Sequence[Source], modules: Modules, code: Code) -> Code:
    machine = Machine(evaluate, execute, invoke, run, modules, code)
    machine.code.frameworks = frameworks(sources)
    machine.code.methods = frozenset(m for s in sources for used in s.usage.values() for m in used)
    machine.code.seeding = frozenset(n for s in sources for n in seeding(s))
    machine.code.resumptions = tuple(resumptions(sources))
    allowance = BUDGET + sum(len(s.text) for s in sources) // BYTES_PER_NODE
    for source in sorted(sources, key=_trains, reverse=True):
        if source.is_parsed and allowance <= 0:  # its tree is not even asked for
            machine.give_up("script, for lack of time")
        elif source.tree is not None:
            tree, budget = source.tree, min(BUDGET, allowance)
            allowance -= attempt(machine, partial(follow_file, machine, source, tree, budget))
    for function in sorted(machine.functions, key=lambda f: _trains(f.source), reverse=True):
        if function.key not in machine.entered:
            budget = min(BUDGET // 10, allowance)
            allowance -= attempt(machine, partial(follow_function, machine, function, budget))
    code.idle = tuple(idle_parts(sources, machine.classes))
    for facts in machine.facts.values():
        code.calls.setdefault(facts[0].name, []).extend(facts)
    code.given_up = dict(machine.given_up)
    keep_ledger(code)
    code.overwritten = tuple(overwritten(sources, modules))
    code.padded = tuple(padded(sources, code))
    code.widths = tuple(widths(sources, code))
    code.spread = tuple(spread(sources, code))
    code.repeats = tuple(repeated_passes(sources, code))
    code.refits = tuple(refits(sources, modules))
    code.apart = tuple(moved_apart(sources, code))
    code.folds = tuple(carried_over_folds(sources, code))
    code.cumulated = tuple(cumulated(sources, code))
    return code


@contextmanager
def deep_recursion() -> Generator[None]:
    """Let nested code be followed: each level of it takes several calls of the reader."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, RECURSION))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


def attempt(machine: Machine, follow: Callable[[], int]) -> int:
    """Follow one way in; values that contain themselves can make it endless."""
    try:
        return follow()
    except RecursionError:
        machine.give_up("values that contain themselves")
        machine.frames.clear()
        machine.in_forward, machine.recording, machine.block, machine.lent = 0, True, [], 0
        return 0
    finally:
        machine.journal.clear()  # nothing before is taken back any more


def seeding(source: Source) -> Iterator[str]:
    """Calls whose names sound like seeding."""
    for name, used in source.usage.items():
        if "()" in used and "seed" in name.lower():
            yield name
    yield from (method for method in source.usage.get("", ()) if "seed" in method.lower())


def _trains(source: Source) -> bool:
    return ".backward(" in source.text


def frameworks(sources: Sequence[Source]) -> frozenset[str]:
    """Frameworks that these files import."""
    found: set[str] = set()
    for source in sources:
        for node in source.survey.imports:
            if isinstance(node, ast.Import):
                found |= {a.name.partition(".")[0] for a in node.names}
            elif node.module and not node.level:
                found.add(node.module.partition(".")[0])
    return frozenset(found & set(FRAMEWORKS))


def follow_file(machine: Machine, source: Source, tree: ast.Module, budget: int) -> int:
    """Follow a file as if it were the script; how many nodes were looked at."""
    scope = Scope({"__name__": Const("__main__")})
    machine.imported.setdefault(source.file, scope)
    machine.frames.append(Frame("", source, scope))
    machine.budget = budget
    with machine.collecting() as nodes, machine.recorded(True):
        machine.execute(machine, tree.body)
    machine.frames.pop()
    if machine.budget <= 0:  # cut short, it would seem to lack what comes later
        machine.give_up("script, for lack of time")
    elif nodes:
        machine.code.traces.append(Trace(nodes, "", Place(source.file, 1)))
    machine.code.steps += budget - machine.budget
    return budget - machine.budget


def follow_function(machine: Machine, function: Function, budget: int) -> int:
    """Follow a function that nothing in these files calls, with what its parameters seem to be."""
    if budget <= 0:
        machine.give_up("function, for lack of time")
        return 0
    machine.frames.append(Frame("", function.source, function.scope))
    machine.budget = budget
    called = ast.copy_location(ast.Constant(None), function.node)
    callee: Value = function
    repeats = False
    with machine.collecting() as nodes:
        if function.owner is not None and not function.is_made("staticmethod", "classmethod"):
            owner = _somebody(machine, function.owner, called)
            callee = Bound(function, owner)
            repeats = function.name != "__init__" and not function.name.startswith("test")
        elif function.owner is not None:
            callee = Bound(function, function.owner)
        with machine.recorded(None):
            if (
                isinstance(callee, Bound)
                and isinstance(callee.owner, UserNetwork)
                and function.name == "forward"
            ):
                machine.in_forward += 1
                machine.invoke(machine, callee, Arguments(), called)
                machine.in_forward -= 1
            else:
                machine.invoke(machine, callee, Arguments(), called)
    machine.frames.pop()
    place = Place(function.source.file, function.at[0], function.name)
    if machine.budget <= 0:
        machine.give_up("function, for lack of time")
    elif nodes:
        tree: list[Node] = [Loop(None, nodes, place, framework=True)] if repeats else nodes
        machine.code.traces.append(Trace(tree, function.name, place, is_open=True))
    machine.code.steps += budget - machine.budget
    return budget - machine.budget


def _somebody(machine: Machine, cls: Class, node: ast.expr) -> Value:
    """An object of a class: one that the program makes, or one made from what its parameters seem to be."""
    if cls.instances:
        return cls.instances[0]
    place = Place(cls.source.file, cls.at[0])
    owner: Instance | UserNetwork
    owner = UserNetwork(cls.name, place=place, cls=cls) if is_module(cls) else Instance(cls)
    cls.instances.append(owner)
    if isinstance(owner, UserNetwork):
        machine.code.networks.append(owner)
    with machine.collecting(), machine.recorded(True):
        initialize(machine, owner, cls, Arguments(spread=True), node)
    return owner
