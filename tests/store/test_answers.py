"""What a pre-flight has learned is read back as it was, and one damaged note costs no other."""

import math
import types
from dataclasses import dataclass, fields
from typing import Any, get_args, get_origin, get_type_hints

import pytest

from osler.model import Answer, Place, Setup
from osler.model.setup import Curve
from osler.store.answers import FACT, kinds, notes_of, setup_of
from osler.store.codec import encode
from osler.store.records import Note

SITE = (Place("/w/train.py", 7, "main"), Place("/w/train.py", 12, "<module>"))
ASKED = Answer(
    "overfit-one-batch",
    "can it memorise one batch?",
    "no: loss 2.3 → 2.1",
    {"first": 2.3, "best": math.inf, "floor": -0.0},
    1.25,
    curves=(Curve("learning rate × 1", (2.3, math.nan, math.inf)), Curve("learning rate × 0.33", ())),
)
REFUSED = Answer("exchange-the-future", "does the model see it?", skipped="the labels are not the inputs")


def example(hint: Any) -> object:
    """A value of a type that differs from every default."""
    if get_origin(hint) is types.UnionType:
        return example(get_args(hint)[0])
    if get_origin(hint) is tuple:
        inner = get_args(hint)[0]
        return SITE if inner is Place else (example(inner),)
    if hasattr(hint, "__dataclass_fields__"):
        return filled(hint)
    return {str: "net", int: 3, float: 0.1, bool: True}[hint]


def filled(kind: type) -> object:
    hints = get_type_hints(kind)
    return kind(**{f.name: example(hints[f.name]) for f in fields(kind)})


def stored(setup: Setup) -> list[Note]:
    return [Note(kind, 0.5, encode(content)) for kind, content in notes_of(setup)]


@pytest.mark.parametrize("name", kinds())
def test_every_kind_of_fact_is_read_back(name: str) -> None:
    fact = filled(kinds()[name])
    assert setup_of(stored(Setup((fact,)))).facts == (fact,)


def test_answers_are_read_back_in_their_order() -> None:
    setup = Setup((), (ASKED, REFUSED, ASKED))
    assert repr(setup_of(stored(setup))) == repr(setup), "NaN does not equal itself"


def test_facts_keep_their_order() -> None:
    names = list(kinds())
    facts = tuple(filled(kinds()[name]) for name in (*names, *reversed(names)))
    assert setup_of(stored(Setup(facts, (REFUSED,)))) == Setup(facts, (REFUSED,))


@dataclass(frozen=True, slots=True)
class ForeignFact:
    """Of an experiment that is not installed here."""

    number: int


@pytest.mark.parametrize(
    "value",
    [
        {"kind": "ForeignFact", "fact": {"number": 1}},
        {"kind": "ExactnessFact", "fact": {"exact": "yes", "turns": 1, "noise": 0.0}},
        {"kind": "ExactnessFact", "fact": {"turns": 1}},
        {"kind": "ExactnessFact"},
        {"kind": "__builtins__", "fact": {}},
        {"kind": ["ExactnessFact"], "fact": {}},
        "ExactnessFact",
        None,
    ],
)
def test_what_cannot_be_read_is_left_out(value: object) -> None:
    sound = stored(Setup((filled(kinds()["ExactnessFact"]),), (ASKED,)))
    assert repr(setup_of([Note(FACT, 0.1, value), *sound])) == repr(setup_of(sound))
    assert len(setup_of(sound).facts) == len(setup_of(sound).answers) == 1


def test_a_fact_of_somebody_elses_is_stored_and_not_read() -> None:
    assert setup_of(stored(Setup((ForeignFact(1),), (REFUSED,)))) == Setup((), (REFUSED,))


def test_other_notes_are_none_of_it() -> None:
    assert setup_of([Note("cost", 0.1, {"seconds": 1.0}), Note("finding", 0.2, {})]) == Setup()
