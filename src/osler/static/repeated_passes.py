"""Passes over the training data that all draw the same: their generator is made anew, with the same seed."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from osler.model import (
    Code,
    Const,
    Kind,
    Loader,
    Loop,
    Maybe,
    Optimizer,
    Place,
    RepeatFact,
    Turns,
    Value,
    flat,
)
from osler.static.own_generators import WORKERS, reached
from osler.static.queries import every_loop, goes_backward
from osler.static.seeded_draws import ORDERS, Seeded, Steady, drawn_with, last_name, purpose, seeded_once
from osler.static.sources import Source, dotted
from osler.static.steady_seeds import steady_in_function, steady_in_methods
from osler.static.values import Function, Instance, methods_of
from osler.static.walking import walk

PUTS_BACK = re.compile(r"\b(set_rng_state|fork_rng|setstate|set_state)\b")
"""What gives a generator the state that it had before."""

WRAPS = frozenset({"enumerate", "tqdm", "islice"})
"""What goes through something else."""

PLACES: tuple[tuple[bool, str, int], ...] = (
    (True, "sampler", 3),
    (True, "batch_sampler", 4),
    (False, "dataset", 0),
)
"""What a loader is given that may draw: whether it is a sampler, and where it stands."""


@dataclass(frozen=True, slots=True)
class Passes:
    """A loop that trains, inside another loop, so that it is gone through several times."""

    loop: Loop
    epochs: Loop

    def is_made_inside(self, value: Value) -> bool:
        """The outer loop makes it anew in each turn."""
        return value.birth is not None and self.epochs.number in value.birth[1]

    @property
    def loader(self) -> Loader | None:
        """What is gone through, if that is a loader which stays the same."""
        over = _bare(self.loop.over)
        return over if isinstance(over, Loader) and not self.is_made_inside(over) else None


@dataclass(frozen=True, slots=True)
class Within:
    """A function in which a generator may be seeded, and what the loader is called that leads to it."""

    source: Source
    node: ast.FunctionDef
    loader: str

    def fact(self, seeded: Seeded, drawn: ast.expr | ast.stmt, kind: str) -> RepeatFact:
        """A generator that is seeded here."""
        file, name, span = self.source.file, self.node.name, self.source.span
        made, then = (Place(file, n.lineno, name, span=span(n)) for n in (seeded.node, drawn))
        return RepeatFact(made, then, ast.unparse(seeded.seed), kind, seeded.family, self.loader)


def repeated_passes(sources: Sequence[Source], code: Code) -> Iterator[RepeatFact]:
    """Each line once."""
    told: set[tuple[str, int]] = set()
    for passes in _passes(code):
        found = (
            *_by_object(sources, code, passes),
            *_by_sample(sources, code, passes),
            *_by_function(sources, passes),
        )
        for fact in found:
            key = (fact.made.file, fact.made.line)
            if key not in told:
                told.add(key)
                yield fact


def _passes(code: Code) -> Iterator[Passes]:
    for trace in code.traces:
        for epochs in every_loop(trace.nodes):
            if epochs.once or epochs.framework or not goes_backward(epochs):
                continue
            if isinstance(epochs.over, Turns) and epochs.over.end == Const(1):
                continue
            actions = list(flat(epochs.body))
            anew = any(a.kind is Kind.BUILD and isinstance(a.subject, Optimizer) for a in actions)
            if not anew and any(a.kind is Kind.STEP for a in actions):
                yield from (Passes(i, epochs) for i in every_loop(epochs.body) if goes_backward(i))


def _bare(value: Value | None) -> Value | None:
    return value.value if isinstance(value, Maybe) else value


def _by_object(sources: Sequence[Source], code: Code, passes: Passes) -> Iterator[RepeatFact]:
    """Samplers, iterable datasets, and objects of the user's that hand out batches."""
    loader, over = passes.loader, _bare(passes.loop.over)
    given = [(False, over)] if isinstance(over, Instance) else []
    if loader is not None:
        options = loader.options
        given = [(s, _bare(options.get(name, options.get(at)))) for s, name, at in PLACES]
    name = loader.name.removeprefix("self.") if loader is not None else ""
    for is_sampler, value in given:
        if not isinstance(value, Instance) or passes.is_made_inside(value):
            continue
        methods = methods_of(value.cls)
        if "__iter__" not in methods or "__next__" in methods:
            continue
        steady = steady_in_methods(sources, code, methods)
        for within in _functions(methods, "__iter__", name):
            yield from _drawn(within, steady, is_sampler=is_sampler)


def _functions(methods: dict[str, Function], entry: str, loader: str) -> Iterator[Within]:
    """What is called by way of a method, in files that never put a state back."""
    for function in reached(methods, (entry,)):
        node = function.node
        if isinstance(node, ast.FunctionDef) and not PUTS_BACK.search(function.source.text):
            yield Within(function.source, node, loader)


def _drawn(within: Within, steady: Steady, *, is_sampler: bool) -> Iterator[RepeatFact]:
    """A generator that the function makes with a steady seed, and by which it picks samples."""
    if any(isinstance(n, ast.While) for n in walk(within.node)):
        return  # it may go on for ever, so that nobody knows when the next pass begins
    if any(map(_is_kept, walk(within.node))):
        return  # the same numbers mean something else in the next pass: a list shuffled twice
    for seeded in seeded_once(within.source, within.node, steady):
        calls = drawn_with(within.source, within.node, seeded)
        kinds = [(k, c) for c in calls if (k := purpose(within.node, c, is_sampler=is_sampler))]
        if kinds:
            kind, drawn = min(kinds, key=lambda pair: pair[0] == "order")
            yield within.fact(seeded, drawn, kind)


def _is_kept(node: ast.AST) -> bool:
    """An attribute is changed: `self.order = …`, `self.rows[label] = …`, `rng.shuffle(self.order)`."""
    match node:
        case ast.Attribute(ctx=ast.Store()):
            return True
        case ast.Subscript(ctx=ast.Store(), value=owner):
            return isinstance(owner, ast.Attribute)
        case ast.Call(func=ast.Attribute(attr="shuffle"), args=[ast.Attribute(), *_]):
            return True
        case _:
            return False


def _by_sample(sources: Sequence[Source], code: Code, passes: Passes) -> Iterator[RepeatFact]:
    """A dataset whose `__getitem__` gives a global generator the same seed for each sample."""
    loader = passes.loader
    if loader is None:
        return
    options = loader.options
    dataset = _bare(options.get("dataset", options.get(0)))
    if not isinstance(dataset, Instance) or "**" in options:
        return
    alone = options.get("num_workers", options.get(WORKERS, Const(0))) == Const(0)
    methods = methods_of(dataset.cls)
    for within in _functions(methods, "__getitem__", loader.name.removeprefix("self.")):
        for seeded in seeded_once(within.source, within.node, steady_in_methods(sources, code, methods)):
            calls = drawn_with(within.source, within.node, seeded)
            noise = next((c for c in calls if last_name(c) not in ORDERS), None)
            if seeded.family and noise is not None:
                yield within.fact(seeded, noise, "item")
            elif seeded.family == "torch" and alone:
                yield within.fact(seeded, seeded.node, "item")


def _by_function(sources: Sequence[Source], passes: Passes) -> Iterator[RepeatFact]:
    """A function of the user's that yields batches: `for x, y in batches(data, seed=0)`."""
    place = passes.loop.place
    for source in sources:
        if source.file != place.file or "yield" not in source.text or PUTS_BACK.search(source.text):
            continue
        for node in walk(source.tree) if source.tree is not None else ():
            if isinstance(node, ast.For) and node.lineno == place.line:
                yield from _by_call(source, _innermost(node.iter))


def _innermost(over: ast.expr) -> ast.expr:
    """What `enumerate(…)` or `tqdm(…)` goes through."""
    while isinstance(over, ast.Call) and last_name(over) in WRAPS and over.args:
        over = over.args[0]
    return over


def _by_call(source: Source, call: ast.expr) -> Iterator[RepeatFact]:
    if not isinstance(call, ast.Call) or not (wanted := dotted(call.func)) or source.tree is None:
        return
    defined = [n for n in walk(source.tree) if isinstance(n, ast.FunctionDef) and n.name == wanted]
    if len(defined) != 1 or not any(isinstance(n, ast.Yield) for n in walk(defined[0])):
        return
    (function,) = defined
    steady = steady_in_function(source, function, call)
    yield from _drawn(Within(source, function, f"{wanted}()"), steady, is_sampler=False)
