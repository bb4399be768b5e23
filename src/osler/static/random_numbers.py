"""What seeds the global generators of torch, numpy and Python inside loops, and what draws from them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from osler.model import Const, External, Kind, Loader, Tensor, Unknown, Value
from osler.static.machine import Frame, Machine
from osler.static.sources import dotted
from osler.static.values import Arguments, Instance, UserNetwork
from osler.static.walking import walk

SEEDING = {
    "torch.manual_seed": "torch",
    "torch.random.manual_seed": "torch",
    "numpy.random.seed": "numpy",
    "random.seed": "random",
}
"""Functions that seed a global generator, and which."""

TORCH_DRAWS = frozenset(
    "rand randn randint randperm rand_like randn_like randint_like bernoulli multinomial normal".split()
)
"""Functions of torch that draw."""

DRAWS_IN_PLACE = frozenset({"normal_", "uniform_", "bernoulli_", "random_", "exponential_"})
"""Methods of tensors that draw."""

NO_DRAW = frozenset(
    "seed getstate setstate get_state set_state default_rng RandomState Generator SeedSequence Random "
    "SystemRandom PCG64 Philox MT19937".split()
)
"""What `random` and `numpy.random` have beside functions that draw from the global generator."""

DEEPEST = 3
"""Attributes of attributes in which a seed is looked for: `self.config.training.seed`."""


def note_random(machine: Machine, name: str, arguments: Arguments, node: ast.AST) -> None:
    """Note that random numbers are seeded or drawn, if a loop is under way."""
    if not machine.turning:
        return
    if name in SEEDING:
        _seed(machine, SEEDING[name], None, arguments.at(0, "a" if name == "random.seed" else "seed"), node)
    elif name == "Tensor.manual_seed":
        _seed(machine, "own", arguments.at(0), arguments.at(1, "seed"), node)
    elif family := drawn_from(name):
        generator = arguments.named.get("generator")
        own = isinstance(generator, Value) and generator != Const(None)
        machine.emit(Kind.RANDOM, node, generator, None, "drawn", "own" if own else family, f"by:{name}")


def drawn_from(name: str) -> str:
    """The global generator that a function draws from; empty if it does not."""
    package, _, last = name.rpartition(".")
    if (package == "torch" and last in TORCH_DRAWS) or (package == "Tensor" and last in DRAWS_IN_PLACE):
        return "torch"
    if package == "numpy.random" and last not in NO_DRAW:
        return "numpy"
    return "random" if package == "random" and last not in NO_DRAW else ""


def _seed(machine: Machine, family: str, generator: Value | None, seed: Value | None, node: ast.AST) -> None:
    """The words say in which loops the seed may change, unless it is not known what it is."""
    words = ["seeded", family]
    if isinstance(seed, Const) and seed.value is not None:
        words += [] if _is_counted(machine, node) else ["known"]
    elif seed is not None:
        words += _steadiness(machine, seed)
    machine.emit(Kind.RANDOM, node, generator, seed, *words)


def _is_counted(machine: Machine, node: ast.AST) -> bool:
    """Some name in the call is that of a number that counts on, whatever it is in the first turn."""
    given = [n for argument in getattr(node, "args", ()) for n in walk(argument)]
    names = {dotted(n) for n in given if isinstance(n, ast.Name | ast.Attribute)} - {""}
    return any(counts_on(name, frame.source.text) for name in names for frame in machine.frames)


def _steadiness(machine: Machine, seed: Value) -> list[str]:
    """`known` and a ``turn:`` for each loop in which the value gets its name, if nothing else changes it."""
    texts = {f.source.text for f in machine.frames}
    if isinstance(seed, External):
        given = re.compile(rf"\.{re.escape(seed.last)}\s*=(?!=)")
        changes = any(given.search(text) or counts_on(seed.last, text) for text in texts)
        return [] if changes else ["known", f"name:{'.'.join(seed.name.split('.')[-2:])}"]
    if type(seed) is not Unknown:
        return []
    held = [(name, loops) for at in range(len(machine.frames)) for name, loops in _holders(machine, at, seed)]
    if not held or any(counts_on(name, text) for name, _ in held for text in texts):
        return []
    loops = seed.birth[1] if seed.birth else held[0][1]
    return ["known", *(f"turn:{n}" for n in loops), *(f"name:{name}" for name, _ in held)]


def _holders(machine: Machine, at: int, seed: Value) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Names that a call in progress has for the value, with the loops in which they got it."""
    frame = machine.frames[at]
    before = tuple(machine.turning[: sum(len(f.loops) for f in machine.frames[:at])])
    for name, value in _names(frame):
        if value is seed:
            yield name, value.birth[1] if value.birth else before
            continue
        for path in _paths(value, seed, DEEPEST):
            if isinstance(seed, Unknown) and seed.name:
                yield f"{name}.{path}", value.birth[1] if value.birth else before


def _names(frame: Frame) -> Iterator[tuple[str, Value]]:
    scope = frame.scope
    while True:
        yield from scope.names.items()
        if scope.parent is None:
            return
        scope = scope.parent


def _paths(owner: Value, seed: Value, depth: int) -> Iterator[str]:
    if not isinstance(owner, Unknown | Instance | UserNetwork) or not depth:
        return
    for name, part in owner.parts.items():
        if part is seed:
            yield name
        else:
            yield from (f"{name}.{path}" for path in _paths(part, seed, depth - 1))


def counts_on(name: str, text: str) -> bool:
    """`seed += 1`, or `seed = seed + 1`, anywhere in a text."""
    last = re.escape(name.rpartition(".")[2])
    added = rf"\b{last}\s*(?:[-+*/%^|&]|//|<<|>>)=(?!=)"
    again = rf"^[ \t]*((?:\w+\.)*{last})[ \t]*=[^=\n][^\n]*(?<![\w.])\1\b"
    return re.search(f"{added}", text) is not None or re.search(again, text, re.MULTILINE) is not None


def is_same(one: Value | None, other: Value | None) -> bool:
    """Both are the same generator of torch: one object, or what one line has made."""
    if one is None or other is None:
        return False
    if isinstance(one, Tensor) and isinstance(other, Tensor):
        return one is other or bool(one.place.line and one.place == other.place)
    return one is other and not isinstance(one, Loader)
