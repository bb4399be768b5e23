"""Facts about data do not change once they are told, and are the same when they are read back."""

from dataclasses import FrozenInstanceError, fields

import pytest

from osler.model import OverwriteFact, RedrawnFact
from osler.store.codec import decode, encode
from osler.testing import place

OVERWRITE = OverwriteFact(
    ("DataLoader", "DataLoader 2"), "Wrapped", "Stored", "x", (place(12),), True, 14, 16, 3, 1344, 1200, 4
)
REDRAWN = RedrawnFact("DataLoader", (place(8),), "7", 3, 12)


@pytest.mark.parametrize("fact", [OVERWRITE, REDRAWN])
def test_it_does_not_change_once_it_is_told(fact: OverwriteFact | RedrawnFact) -> None:
    for field in fields(fact):
        with pytest.raises(FrozenInstanceError):
            setattr(fact, field.name, None)


@pytest.mark.parametrize("fact", [OVERWRITE, REDRAWN])
def test_a_stored_fact_is_the_same_fact(fact: OverwriteFact | RedrawnFact) -> None:
    assert decode(type(fact), encode(fact)) == fact
