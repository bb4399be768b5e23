"""Datasets whose `__getitem__` changes what they store, in a training that asks for samples again."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from osler.model import Code, Const, Loader, Loop, Maybe, Place, Series, Tensor, Value
from osler.static.entries import own, root
from osler.static.fetch_writes import writes
from osler.static.own_generators import WORKERS
from osler.static.queries import trainings
from osler.static.sources import Source, dotted
from osler.static.values import Function, Instance
from osler.static.walking import walk

MAKERS = ("torch.", "numpy.")
"""What returns tensors or arrays in memory."""

ELSEWHERE = frozenset({"memmap", "open_memmap", "mmap_mode", "mmap"})
"""Unless one of these is named: then they are in a file."""

FORMS = frozenset(
    "float double half long int astype numpy reshape view permute unsqueeze squeeze transpose clone copy "
    "contiguous tolist".split()
)
"""Methods of arrays and tensors that return such."""

HOLDS = frozenset({"Tensor", "ndarray", "list", "List"})
"""Annotations of what is in memory."""


@dataclass(frozen=True, slots=True)
class OverwrittenView:
    """A statement that adds up in what a dataset stores.

    Attributes:
        attribute: of the dataset.
        name: the variable that is written into.
        dataset: the class.
        place: the statement.
        loop: trains on it.
        loader: hands it out.
    """

    attribute: str
    name: str
    dataset: str
    place: Place
    loop: Loop
    loader: Loader


def overwritten_views(code: Code) -> Iterator[OverwrittenView]:
    """The first of each attribute, for the first loader without workers that several epochs train on."""
    told: set[tuple[str, int, str]] = set()
    for loader, loop, around in trainings(code):
        given = loader.options.get("dataset", loader.options.get(0))
        dataset = given.value if isinstance(given, Maybe) else given
        if not isinstance(dataset, Instance) or not is_in_process(loader):
            continue
        if not outlives(dataset, around):
            continue
        for part in (dataset, *(p for p in dataset.parts.values() if isinstance(p, Instance))):
            for place, attribute, name in overwritten(part):
                key = (*part.cls.key[:2], attribute)
                if key not in told:
                    told.add(key)
                    yield OverwrittenView(attribute, name, part.cls.name, place, loop, loader)


def outlives(dataset: Instance, around: list[Loop]) -> bool:
    """It is built outside of a loop around the one that trains on it, so that it is asked again and again."""
    birth = dataset.birth
    return birth is not None and any(loop.number and loop.number not in birth[1] for loop in around)


def is_in_process(loader: Loader) -> bool:
    """It is known to have no workers: these would write to copies of their own."""
    workers = loader.options.get("num_workers", loader.options.get(WORKERS))
    return "**" not in loader.options and (workers is None or workers == Const(0))


def overwritten(dataset: Instance) -> Iterator[tuple[Place, str, str]]:
    """Where its `__getitem__` writes into what it stores."""
    names = {n: v for c in reversed(list(dataset.cls.lineage())) for n, v in c.names.items()}
    methods = [v for v in names.values() if isinstance(v, Function)]
    fetch, start = names.get("__getitem__"), names.get("__init__")
    if not isinstance(fetch, Function) or isinstance(fetch.node, ast.Lambda):
        return
    begin = start.node if isinstance(start, Function) else None
    held = {own(n) for n in walk(fetch.node)} - {""}
    source = start.source if isinstance(start, Function) else fetch.source
    kept = {
        name
        for name in held
        if not any(is_replaced(m.node, name) for m in methods if m.name not in {"__init__", "__getitem__"})
        and not any(is_given(c.source.text, name) for c in dataset.cls.lineage())
        and is_in_memory(dataset, source, begin, name)
    }
    for write in writes(fetch.node, kept) if kept else ():
        where = fetch.source
        place = Place(where.file, write.node.lineno, fetch.name, span=where.span(write.node))
        yield place, write.attribute, write.name


def is_replaced(method: ast.AST, name: str) -> bool:
    """A method gives the attribute, or entries of it, another value."""
    return any(
        isinstance(n, ast.Attribute | ast.Subscript)
        and isinstance(n.ctx, ast.Store)
        and root(n) == f"self.{name}"
        for n in walk(method)
    )


def is_given(text: str, name: str) -> bool:
    """Somebody who holds the dataset gives the attribute, or entries of it, another value."""
    return re.search(rf"(?<!\bself)\.{name}\b\s*(?:\[[^\n]*\]\s*)?=[^=]", text) is not None


def is_in_memory(dataset: Instance, source: Source, start: ast.AST | None, name: str) -> bool:
    """Whether the attribute certainly is a tensor, array or list, and not something that reads a file."""
    match dataset.parts.get(name):
        case Tensor(certain=True) | Series(kind="list"):
            return True
        case known:
            pass
    if start is None:
        return False
    given = [
        n.value
        for n in walk(start)
        if isinstance(n, ast.Assign | ast.AnnAssign) and n.value and name in map(own, targets_of(n))
    ]
    return len(given) == 1 and makes(source, start, given[0], known)


def targets_of(statement: ast.Assign | ast.AnnAssign) -> list[ast.expr]:
    """What is assigned to."""
    return statement.targets if isinstance(statement, ast.Assign) else [statement.target]


def makes(source: Source, start: ast.AST, value: ast.expr, known: Value | None, depth: int = 0) -> bool:
    """Whether an expression of `__init__` makes something in memory."""
    named = {n.attr if isinstance(n, ast.Attribute) else getattr(n, "arg", "") for n in walk(value)}
    if depth > 4 or named & ELSEWHERE:
        return False
    match value:
        case ast.List() | ast.ListComp() | ast.Call(func=ast.Name(id="list" | "sorted")):
            return True
        case ast.BinOp(op=ast.Sub() | ast.Mult() | ast.Div()):
            return True
        case ast.Call(func=ast.Attribute(attr=attr) as function):
            return attr in FORMS or source_name(source, dotted(function)).startswith(MAKERS)
        case ast.Subscript(value=inner):
            return makes(source, start, inner, known, depth + 1)
        case ast.Name(id=name):
            if is_annotated(start, name):
                return True
            made = [n.value for n in walk(start) if isinstance(n, ast.Assign) and is_name(n.targets, name)]
            return len(made) == 1 and makes(source, start, made[0], known, depth + 1)
        case _:
            return False


def is_name(targets: list[ast.expr], name: str) -> bool:
    """The only target is this variable."""
    return len(targets) == 1 and isinstance(targets[0], ast.Name) and targets[0].id == name


def is_annotated(start: ast.AST, name: str) -> bool:
    """An argument that is declared a tensor, an array or a list."""
    said = (n.annotation for n in walk(start) if isinstance(n, ast.arg) and n.arg == name)
    words = {dotted(n).rpartition(".")[2] for note in said if note is not None for n in walk(note)}
    return bool(words & HOLDS) and words <= HOLDS | {"torch", "np", "numpy", "", "int", "float"}


def source_name(source: Source, name: str) -> str:
    """A name with what its first part was imported as."""
    first, _, rest = name.partition(".")
    for statement in source.survey.imports:
        for alias in statement.names if isinstance(statement, ast.Import) else ():
            if first == (alias.asname or alias.name):
                return f"{alias.name}.{rest}"
    return ""
