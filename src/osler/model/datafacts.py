"""Facts about the data that passes go through: what a dataset stores, and what is drawn for it."""

from __future__ import annotations

from dataclasses import dataclass

from osler.model.event import Site


@dataclass(frozen=True, slots=True)
class OverwriteFact:
    """Stored samples whose numbers change, pass after pass, while they are fetched.

    Attributes:
        loaders: names of the loaders that fetched them.
        dataset: class of the dataset whose `__getitem__` is asked.
        owner: class of the one that stores them: the same, or one that it wraps.
        attribute: under which it stores them.
        site: the statement that writes, if only one can have done it, else where `__getitem__` begins.
        is_statement: it is that statement.
        samples: samples that were changed in several passes.
        followed: samples that were followed.
        passes: passes in which some of them were changed.
        checked: numbers of these samples that were compared.
        changed: of these, how many were at one time no longer what they were before the first pass.
        step: optimizer steps finished when it was first certain.
    """

    loaders: tuple[str, ...]
    dataset: str
    owner: str
    attribute: str
    site: Site
    is_statement: bool
    samples: int
    followed: int
    passes: int
    checked: int
    changed: int
    step: int = 0


@dataclass(frozen=True, slots=True)
class RedrawnFact:
    """Passes over training data in which torch drew the same random numbers as in an earlier one.

    Attributes:
        name: the loader.
        site: where torch was seeded before the latest of them.
        seed: with what.
        times: how many passes there were with these numbers.
        step: optimizer steps finished before the latest of them.
    """

    name: str
    site: Site
    seed: str
    times: int
    step: int = 0
