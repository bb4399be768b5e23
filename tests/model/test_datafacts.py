"""Facts about stored data do not change once they are told, and are the same when they are read back."""

from dataclasses import FrozenInstanceError, fields

import pytest

from osler.model import OverwriteFact
from osler.store.codec import decode, encode
from osler.testing import place

FACT = OverwriteFact(
    ("DataLoader", "DataLoader 2"), "Wrapped", "Stored", "x", (place(12),), True, 14, 16, 3, 1344, 1200, 4
)


def test_it_does_not_change_once_it_is_told() -> None:
    for field in fields(FACT):
        with pytest.raises(FrozenInstanceError):
            setattr(FACT, field.name, None)


def test_a_stored_fact_is_the_same_fact() -> None:
    assert decode(OverwriteFact, encode(FACT)) == FACT
