"""What the experiments of a pre-flight have shown, as notes of its record and back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, is_dataclass
from functools import cache

from osler.model import Answer, Setup, setupfacts, setupnetwork, setupsamples, setupterms
from osler.store.codec import Damaged, decode, mapping, text
from osler.store.records import Note

ANSWER, FACT = "answer", "setup-fact"
"""Kinds of notes."""


@dataclass(frozen=True, slots=True)
class Named:
    """A fact with the name of its type.

    Attributes:
        kind: name of one of the types in `osler.model.setupfacts`, `setupnetwork`, `setupsamples` and
            `setupterms`.
        fact: of that type.
    """

    kind: str
    fact: object


def notes_of(setup: Setup) -> Iterator[tuple[str, object]]:
    """Kind and content of each note; one that is damaged costs no other."""
    for answer in setup.answers:
        yield ANSWER, answer
    for fact in setup.facts:
        yield FACT, Named(type(fact).__name__, fact)


def setup_of(notes: Iterable[Note]) -> Setup:
    """What the notes of a record tell of experiments; what cannot be read is left out."""
    answers: list[Answer] = []
    facts: list[object] = []
    for note in notes:
        try:
            if note.kind == ANSWER:
                answers.append(decode(Answer, note.value))
            elif note.kind == FACT:
                facts.append(fact_in(note.value))
        except (Damaged, LookupError):
            continue
    return Setup(tuple(facts), tuple(answers))


def fact_in(stored: object) -> object:
    """The fact of a note.

    Raises:
        Damaged: it does not hold what its type asks for.
        LookupError: there is no such type.
    """
    named = mapping(stored)
    return decode(kinds()[text(named["kind"])], named["fact"])


@cache
def kinds() -> dict[str, type[object]]:
    """The types of facts that experiments yield, by name."""
    modules = (setupfacts, setupnetwork, setupsamples, setupterms)
    found = (item for module in modules for item in vars(module).items())
    known = ((name, kind) for name, kind in found if is_dataclass(kind))
    return {name: kind for name, kind in known if isinstance(kind, type)}
