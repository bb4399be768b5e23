"""Facts about what is loaded do not change once they are told, and are the same when they are read back."""

from dataclasses import FrozenInstanceError, replace

import pytest

from osler.model import LoadFact, ResumeFact, SelfLoadFact
from osler.store.codec import decode, encode
from osler.testing import place

SITE = (place(12), place(30))
LOAD = LoadFact(SITE, "Net", 4, 6, 0, 4, "module.", True, "module.body.weight", "body.weight", 3)
RESUME = ResumeFact(SITE, "optimizer", "Adam", 36, ("the schedule",), True, (place(5),), 7)
FACTS = [LOAD, replace(LOAD, prefix="", on_entries=False), RESUME, SelfLoadFact(SITE, "Net", 3, 2, True)]


@pytest.mark.parametrize("fact", FACTS)
def test_they_do_not_change_once_they_are_told(fact: LoadFact | ResumeFact | SelfLoadFact) -> None:
    with pytest.raises(FrozenInstanceError):
        fact.step = 0


@pytest.mark.parametrize("fact", FACTS)
def test_a_stored_fact_is_the_same_fact(fact: LoadFact | ResumeFact | SelfLoadFact) -> None:
    assert decode(type(fact), encode(fact)) == fact
