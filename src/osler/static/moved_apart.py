"""Datasets that move an input and its target by separate random numbers, in a training that compares them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from osler.model import ApartFact, Code, Kind, Loader, Loop, Maybe, Optimizer, flat
from osler.static.compared_parts import compared_parts, is_compared
from osler.static.motions import Motion, Seen
from osler.static.moving import returned
from osler.static.queries import trainings
from osler.static.random_transforms import PACKAGE
from osler.static.sources import Source
from osler.static.values import Function, Instance

WHOLE = 2
"""Parts of a sample that is an input and its target, and nothing else."""

Pair = tuple[object, object, Motion, Motion]


def moved_apart(sources: Sequence[Source], code: Code) -> Iterator[ApartFact]:
    """Each dataset once, in the order of the loaders that are trained on."""
    made = {
        id(fact.result): fact
        for name, facts in code.calls.items()
        if name.startswith(PACKAGE)
        for fact in facts
        if fact.result is not None
    }
    told: set[tuple[str, int]] = set()
    for loader, loop, _ in trainings(code):
        given = loader.options.get("dataset", loader.options.get(0))
        dataset = given.value if isinstance(given, Maybe) else given
        if not isinstance(dataset, Instance) or not _trains_one(loop) or "**" in loader.options:
            continue
        if {"collate_fn", 6} & loader.options.keys():
            continue  # it may put the parts in another order
        fetch = dataset.cls.find("__getitem__")
        if not isinstance(fetch, Function):
            continue
        for sample in returned(fetch, dataset, made):
            found = _apart(sources, loop, loader, sample)
            if found is None or (found[1].at.file, found[1].at.line) in told:
                continue
            told.add((found[1].at.file, found[1].at.line))
            yield ApartFact(found[0].at, found[1].at, found[1].drawn, dataset.cls.name, loop.place)
            break


def _trains_one(loop: Loop) -> bool:
    """One optimizer, so that no network is trained against another."""
    stepped = [a.subject for a in flat(loop.body) if a.kind is Kind.STEP]
    optimizers = {id(s): s for s in stepped if isinstance(s, Optimizer)}
    return len(optimizers) <= 1 and not any(o.variants for o in optimizers.values())


def _apart(
    sources: Sequence[Source], loop: Loop, loader: Loader, sample: Seen
) -> tuple[Motion, Motion] | None:
    """The motions of the input and of the target, if the loop compares these parts."""
    moved = {key: part for key, part in (sample.items or {}).items() if part.motions}
    if len(moved) < WHOLE:
        return None
    pairs = compared_parts(sources, loop)
    if not pairs and sample.items is not None and len(sample.items) == WHOLE:
        one, other = moved
        pairs |= {(one, other)} if is_compared(sources, loop, loader) else frozenset()
    for one, other in pairs:
        if one in moved and other in moved and one != other:
            found = _independent(moved[one], moved[other])
            if found is not None:
                return found
    return None


def _independent(one: Seen, other: Seen) -> tuple[Motion, Motion] | None:
    """A motion of each that the other does not share, of parts that belong to one sample."""
    if one.origins & other.origins or len({index for part in (one, other) for _, index in part.origins}) != 1:
        return None
    shared = [frozenset[int]().union(*(m.draws for m in part.motions)) for part in (other, one)]
    first = [m for m in one.motions if not m.draws & shared[0]]
    second = [m for m in other.motions if not m.draws & shared[1]]
    for motion in first:
        for against in second:
            if not _excluded(motion, against):
                return motion, against
    return None


def _excluded(one: Motion, other: Motion) -> bool:
    """Only one of both can happen."""
    return any((at, not side) in other.path for at, side in one.path)
