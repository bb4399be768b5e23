"""Facts about what a dataset stores."""

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
