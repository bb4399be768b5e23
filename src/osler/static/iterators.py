"""Iterators over what a module holds, from `model.parameters()` on: what keeps them, what goes through them.

Nothing ever fills an iterator again. It is therefore enough to know when all of it was certainly taken;
whoever else may have taken some of it only leaves less.
"""

from __future__ import annotations

import ast
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from osler.model import (
    Const,
    External,
    Kind,
    Maybe,
    Network,
    Optimizer,
    Parameters,
    Series,
    Table,
    Unknown,
    Value,
)
from osler.static.classes import bases_from_outside
from osler.static.iteration import Zipped
from osler.static.machine import Machine
from osler.static.shelf import once_per_node
from osler.static.sources import dotted
from osler.static.values import Arguments, Bound, Doing, Function, Once, UserNetwork
from osler.static.walking import walk

GENERATORS = frozenset(
    "parameters named_parameters buffers named_buffers modules named_modules children named_children".split()
)
"""Methods of a module that return a generator."""

LAZY = frozenset("iter filter map enumerate zip chain tqdm track notebook progress_bar progressbar".split())
"""Functions whose result draws from what they are given, item by item."""

TAKES_ALL = frozenset(
    "list tuple set frozenset sorted sum min max dict OrderedDict Counter ParameterList "
    "parameters_to_vector vector_to_parameters".split()
)
"""Functions that go through all they are given."""

CLIPS = frozenset({"clip_grad_norm_", "clip_grad_value_", "clip_grad_norm"})

TORCH = tuple(
    f"{package}."
    for package in (
        "torch torchvision torch_geometric transformers diffusers timm lightning pytorch_lightning".split()
    )
)
"""Packages whose modules are those of torch."""

OF_MODULES = frozenset(
    "state_dict load_state_dict named_parameters buffers modules named_modules children zero_grad apply "
    "requires_grad_".split()
)
"""Methods that tell a module of torch from another object that is called a model."""

LEAVES = (ast.Return, ast.Break, ast.Continue, ast.Raise)

ENDS_EARLY = (ast.Break, ast.Return, ast.Yield, ast.YieldFrom, ast.Await)
"""What can end a loop before its time, or keep it waiting for whoever asks for the next item."""

LONGEST = 40
"""Characters of an iterator's source that a message repeats."""


def drawn_by_call(
    machine: Machine, callee: Value, arguments: Arguments, result: Value, node: ast.Call
) -> Value:
    """What a call of these returns, with the iterators that it has made, or that its result draws from."""
    if not machine.once and not isinstance(callee, Doing):
        return result
    match callee:
        case Doing(receiver=Network() as network, name=name) if name in GENERATORS:
            if _is_of_torch(machine, network, node):
                machine.once[id(result)] = (result, (Once(_shown(node), machine.place(node)),))
        case Doing() if machine.once:
            _by_method(machine, callee, arguments, node)
        case External():
            return _by_function(machine, callee, arguments, result, node)
        case Function() | Bound():
            pass  # it was followed
        case _ if machine.once and _makes_optimizer(result, arguments):
            _to_optimizer(machine, arguments.at(0, "params"), node)
        case _:
            pass
    return result


def drawing(machine: Machine, over: Value, items: Value) -> Value:
    """The items, marked as drawn from the iterators below what they are made of."""
    below = tuple(_below(machine, over)) if machine.once else ()
    if below:
        machine.once[id(items)] = (items, below)
    return items


def may_draw(machine: Machine, over: Value) -> bool:
    """What is gone through may take from an iterator."""
    return bool(machine.once) and (id(over) in machine.once or isinstance(over, Maybe | Zipped))


def go_through(machine: Machine, over: Value, node: ast.expr) -> None:
    """A loop or comprehension takes all there is."""
    if machine.once:
        _use(machine, over, node, "loop")
        for once in _beside(machine, over, node):
            _emit(machine, once, node, "loop", "beside")


def keep(machine: Machine, before: Value | None, value: Value, target: ast.expr) -> None:
    """A name or attribute is given a value: it may stand for an iterator, and no longer does for another."""
    if not machine.once or before is value:
        return
    for once in _below(machine, before) if before is not None else ():
        machine.emit(Kind.ITERATE, target, once, None, "made")
    for once in _below(machine, value):
        if not once.name:
            once.name = dotted(target)
            machine.emit(Kind.ITERATE, target, once, None, "made")


@contextmanager
def decided(machine: Machine, test: ast.expr, other: Sequence[ast.stmt] = ()) -> Generator[None]:
    """One way of a condition is followed because of what it is worth now: not so in later turns, perhaps.

    `if not self.average` holds until it was followed once. What comes behind an early return is no surer.
    """
    frame, unsure = machine.frame, bool(machine.once and machine.turning) and not _is_settled(machine, test)
    frame.decided += unsure
    yield
    if unsure and not any(isinstance(n, LEAVES) for statement in other for n in walk(statement)):
        frame.decided -= 1


@once_per_node
def may_stop(node: ast.For | ast.AsyncFor) -> bool:
    """The loop may be left before its end, or hands out each item to whoever asks for it."""
    leaving = [n for n in walk(node) if isinstance(n, ENDS_EARLY)]
    breaks = [n for n in leaving if isinstance(n, ast.Break)]
    if not breaks or len(breaks) < len(leaving):
        return bool(leaving)
    loops = [n for n in walk(node) if isinstance(n, ast.For | ast.AsyncFor | ast.While) and n is not node]
    inner = {n for loop in loops for n in walk(loop) if isinstance(n, ast.Break)}
    return any(n not in inner for n in breaks)


def _is_of_torch(machine: Machine, network: Network, node: ast.Call) -> bool:
    """The object is certainly a module of torch, whose method is its own."""
    if network.variants:
        return all(_is_of_torch(machine, variant, node) for variant in network.variants)
    if isinstance(network, UserNetwork) and network.cls is not None:
        bases = bases_from_outside(network.cls)
        return any(isinstance(b, External) and b.name.startswith(TORCH) for b in bases)
    if network.layer:
        return network.layer.startswith(TORCH)
    owner = node.func.value if isinstance(node.func, ast.Attribute) else node
    used = machine.source.usage.get(dotted(owner), frozenset[str]())
    return bool(used & OF_MODULES or {"train", "()"} <= used or {"eval", "()"} <= used) and _imports_torch(
        machine
    )


def _imports_torch(machine: Machine) -> bool:
    for statement in machine.source.survey.imports:
        above = [statement.module or ""] if isinstance(statement, ast.ImportFrom) else []
        if any(f"{name}.".startswith(TORCH) for name in above or [a.name for a in statement.names]):
            return True
    return False


def _shown(node: ast.Call) -> str:
    text = ast.unparse(node)
    return text if len(text) <= LONGEST else f"{dotted(node.func).rpartition('.')[2]}()"


def _by_method(machine: Machine, callee: Doing, arguments: Arguments, node: ast.Call) -> None:
    first = arguments.at(0, "parameters")
    if callee.name in CLIPS:
        _use(machine, first, node, "clip")
    elif callee.name == "extend" and isinstance(callee.receiver, Series):
        _use(machine, first, node, "loop")
    elif callee.name == "add_param_group" and isinstance(callee.receiver, Optimizer):
        _to_group(machine, arguments.at(0, "param_group"), node)


def _by_function(
    machine: Machine, callee: External, arguments: Arguments, result: Value, node: ast.Call
) -> Value:
    if callee.last in LAZY:
        return _lazily(machine, callee, arguments, result, node)
    if callee.last in CLIPS:
        _use(machine, arguments.at(0, "parameters"), node, "clip")
    elif _makes_optimizer(result, arguments):
        _to_optimizer(machine, arguments.at(0, "params"), node)
    elif callee.name == "torch.autograd.grad":
        _use(machine, arguments.at(1, "inputs"), node, "quiet")
    elif callee.last in TAKES_ALL and callee.name.startswith(("builtins.", "collections.", "torch.")):
        for given in arguments.every():
            _use(machine, given, node, "loop")
    return _copied(result) if id(result) in machine.once else result


def _lazily(machine: Machine, callee: External, arguments: Arguments, result: Value, node: ast.Call) -> Value:
    """What draws from an iterator; a filter over a list is an iterator itself."""
    given = arguments.positional
    if callee.last == "zip":  # what is left of all but the first depends on how long the others are
        return result
    if callee.last not in {"filter", "map"}:
        for value in given:
            drawing(machine, value, result)
        return result
    if len(given) != 2:
        return result
    if callee.last == "filter" and id(result) not in machine.once and isinstance(result, Parameters):
        result = replace(result)
        machine.once[id(result)] = (result, (Once(_shown(node), machine.place(node)),))
        return result
    return drawing(machine, given[1], result)


def _makes_optimizer(result: Value, arguments: Arguments) -> bool:
    """It is one, or its class is chosen somewhere else: `optimizer_class(params, lr=1e-3)`."""
    return isinstance(result, Optimizer) or "lr" in arguments.named


def _to_optimizer(machine: Machine, given: Value | None, node: ast.Call) -> None:
    """Torch itself refuses an empty list of parameters, but not an empty group of them."""
    _use(machine, given, node, "quiet")
    for item in given.items if isinstance(given, Series) else ():
        _to_group(machine, item, node)


def _to_group(machine: Machine, group: Value | None, node: ast.Call) -> None:
    """The optimizer puts a list in the place of the iterator."""
    held = group.items.get("params") if isinstance(group, Table) else None
    if isinstance(group, Table) and held is not None and any(True for _ in _below(machine, held)):
        _use(machine, held, node, "group")
        machine.write(group.items, "params", _copied(held))


def _use(machine: Machine, value: Value | None, node: ast.expr, *how: str) -> None:
    """All of it is taken; what nothing keeps nobody can go through again."""
    for once in _below(machine, value) if value is not None else ():
        if once.name:
            _emit(machine, once, node, *how)


def _emit(machine: Machine, once: Once, node: ast.expr, *how: str) -> None:
    """Unknown code may call a function that it was given, or not: nothing in there is sure to be done."""
    unsure = ["perhaps"] if any(frame.decided for frame in machine.frames) else []
    if not machine.lent:
        machine.emit(Kind.ITERATE, node, once, None, "used", *how, *unsure)


def _is_settled(machine: Machine, test: ast.expr) -> bool:
    """It asks for nothing but numbers and flags, and for none that an object may have replaced since."""
    names = [machine.frame.scope.find(n.id) for n in walk(test) if isinstance(n, ast.Name)]
    if any(isinstance(n, ast.Attribute | ast.Subscript) for n in walk(test)):
        return False
    return all(isinstance(value, Const) and value.value is not None for value in names)


def _below(machine: Machine, value: Value) -> Iterator[Once]:
    """The iterators that a value draws from, all of which are empty when it is."""
    if isinstance(value, Maybe):
        yield from _below(machine, value.value)
    elif id(value) in machine.once:
        yield from machine.once[id(value)][1]
    elif isinstance(value, Zipped) and value.parts:
        yield from _below(machine, value.parts[0])


def _beside(machine: Machine, value: Value, node: ast.expr) -> Iterator[Once]:
    """The iterators that are gone through along with something that is the same each time."""
    match value, node:
        case Zipped(parts=parts), ast.Call(func=ast.Name(id="zip"), args=given) if len(parts) == len(given):
            turning = turned(machine.source.tree) if machine.source.tree else frozenset[str]()
            for number, part in enumerate(parts[1:], start=1):
                others = [g for i, g in enumerate(given) if i != number]
                if all(_is_steady(other, turning) for other in others):
                    yield from (once for once in _below(machine, part) if once.name)
        case _:
            return


def _is_steady(node: ast.expr, turning: frozenset[str]) -> bool:
    """A name, an attribute of it or what a method of it returns, and no loop gives it its items."""
    while isinstance(node, ast.Attribute | ast.Call):
        if isinstance(node, ast.Call) and (node.args or node.keywords):
            return False
        node = node.func if isinstance(node, ast.Call) else node.value
    return isinstance(node, ast.Name) and node.id not in turning


@once_per_node
def turned(tree: ast.Module) -> frozenset[str]:
    """Names that loops and comprehensions give one item after the other."""
    loops = (n for n in walk(tree) if isinstance(n, ast.For | ast.AsyncFor | ast.comprehension))
    return frozenset(n.id for loop in loops for n in walk(loop.target) if isinstance(n, ast.Name))


def _copied(value: Value) -> Value:
    """The same without the mark of an iterator."""
    return replace(value) if isinstance(value, Parameters | Series) else Unknown()
