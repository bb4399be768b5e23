"""Generators of random numbers that a dataset keeps, and that every worker of its loader gets a copy of."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from osler.model import Code, Const, Loader, Maybe, Place, Value
from osler.static.queries import trainings
from osler.static.sources import Source, dotted
from osler.static.values import Function, Instance, methods_of
from osler.static.walking import walk

GENERATORS = frozenset(
    {
        "numpy.random.default_rng",
        "numpy.random.Generator",
        "numpy.random.RandomState",
        "random.Random",
        "torch.Generator",
    }
)
"""What makes a generator of one's own; torch seeds only the global ones anew in each worker."""

SEEDS = frozenset({"seed", "manual_seed", "set_state", "setstate", "spawn", "jumped", "bit_generator"})
"""Attributes by which a generator is given another state, or another one is made from it."""

COPIES_ITSELF = frozenset({"__getstate__", "__setstate__", "__reduce__", "__reduce_ex__"})
"""Methods by which a dataset says what its copies are."""

ENTRIES = ("__getitem__", "__call__", "forward")
"""What a worker calls: of the dataset, and of the transforms that it holds."""

WORKERS, INIT = 5, 10
"""Where `num_workers` and `worker_init_fn` stand among the arguments of `DataLoader`."""


@dataclass(frozen=True, slots=True)
class CopiedGenerator:
    """A generator that all workers of a loader start with in the same state.

    Attributes:
        name: the attribute.
        made: where it is made.
        drawn: where a worker draws from it.
        loader: that is trained on.
        workers: how many it has.
        again: each pass over the data starts workers anew, and there are several passes.
    """

    name: str
    made: Place
    drawn: Place
    loader: Loader
    workers: int
    again: bool


def copied_generators(code: Code) -> Iterator[CopiedGenerator]:
    """Each once, of the first loader that is trained on with it."""
    told: set[Place] = set()
    for loader, _, around in trainings(code):
        workers = _number(loader, WORKERS, "num_workers")
        again = bool(around) and loader.options.get("persistent_workers") in {None, Const(False)}
        if workers < (1 if again else 2) or {"**", "worker_init_fn", INIT} & loader.options.keys():
            continue
        for owner, is_dataset in _used_by(loader.options.get("dataset", loader.options.get(0))):
            for name, made, drawn in _kept(owner, "__getitem__" if is_dataset else ""):
                if made not in told:
                    told.add(made)
                    yield CopiedGenerator(name, made, drawn, loader, workers, again)


def _number(loader: Loader, position: int, name: str) -> int:
    match loader.options.get(name, loader.options.get(position)):
        case Const(value=int() as number):
            return number
        case _:
            return 0


def _used_by(value: Value | None) -> Iterator[tuple[Instance, bool]]:
    """A dataset of the user's, and the objects that it holds."""
    dataset = value.value if isinstance(value, Maybe) else value
    if isinstance(dataset, Instance) and dataset.cls.find("__getitem__") is not None:
        yield dataset, True
        yield from ((part, False) for part in dataset.parts.values() if isinstance(part, Instance))


def _kept(owner: Instance, entry: str) -> Iterator[tuple[str, Place, Place]]:
    """Attributes that are generators: where they are made, and where a worker draws from them."""
    cls = owner.cls
    methods = methods_of(cls)
    start, texts = methods.get("__init__"), [c.source.text for c in cls.lineage()]
    if start is None or COPIES_ITSELF & methods.keys() or any("worker_info" in t for t in texts):
        return
    called = reached(methods, (entry,) if entry else ENTRIES)
    for node in walk(start.node):
        match node:
            case ast.Assign(targets=[ast.Attribute(value=ast.Name(id="self"), attr=name)], value=value):
                if _makes_one(start.source, value) and not _is_renewed(methods, texts, name):
                    drawn = next((p for f in called for p in _draws(f, name)), None)
                    if drawn is not None:
                        yield name, _place(start, node), drawn
            case _:
                pass


def _makes_one(source: Source, value: ast.expr) -> bool:
    """`np.random.default_rng(0)`, `torch.Generator().manual_seed(0)`."""
    match value:
        case ast.Call(func=ast.Attribute(value=ast.Call() as inner, attr=attr)) if attr in SEEDS:
            return _makes_one(source, inner)
        case ast.Call(func=function):
            return full_name(source, dotted(function)) in GENERATORS
        case _:
            return False


def full_name(source: Source, name: str) -> str:
    """A name with what it was imported from."""
    first, _, rest = name.partition(".")
    for statement in source.survey.imports:
        for alias in statement.names:
            if first != (alias.asname or alias.name.partition(".")[0]):
                continue
            whole = alias.name if alias.asname or isinstance(statement, ast.ImportFrom) else first
            above = f"{statement.module}." if isinstance(statement, ast.ImportFrom) else ""
            return f"{above}{whole}.{rest}".rstrip(".")
    return ""


def _is_renewed(methods: dict[str, Function], texts: list[str], name: str) -> bool:
    """It is seeded or replaced somewhere else, perhaps by whoever holds the dataset."""
    given = re.compile(rf"(?<!\bself)\.{name}\b\s*(?::[^=\n]+)?=[^=]|[\"']{name}[\"']")
    if any(given.search(text) for text in texts):
        return True
    found = [n for f in methods.values() for n in walk(f.node) if isinstance(n, ast.Attribute)]
    stored = [n for n in found if isinstance(n.ctx, ast.Store) and dotted(n) == f"self.{name}"]
    return len(stored) != 1 or any(n.attr in SEEDS and dotted(n.value) == f"self.{name}" for n in found)


def reached(methods: dict[str, Function], entries: tuple[str, ...]) -> list[Function]:
    """The methods that a worker calls, directly or through others."""
    todo, found = [e for e in entries if e in methods], list[str]()
    while todo:
        name = todo.pop()
        if name in found:
            continue
        found.append(name)
        for node in walk(methods[name].node):
            match node:
                case ast.Attribute(value=ast.Name(id="self"), attr=attr) if attr in methods:
                    todo.append(attr)
                case _:
                    pass
    return [methods[name] for name in found if name != "__init__"]


def _draws(function: Function, name: str) -> Iterator[Place]:
    """Where a method draws from the generator that is its attribute, or hands it to what draws."""
    for node in walk(function.node):
        match node:
            case ast.Call(func=ast.Attribute(value=owner)) if dotted(owner) == f"self.{name}":
                yield _place(function, node)
            case ast.Call(keywords=named) if any(
                k.arg == "generator" and dotted(k.value) == f"self.{name}" for k in named
            ):
                yield _place(function, node)
            case _:
                pass


def _place(function: Function, node: ast.expr | ast.stmt) -> Place:
    source = function.source
    return Place(source.file, node.lineno, function.name, span=source.span(node))
