"""Facts of the source: each says what its fields are, and none can be changed."""

from dataclasses import FrozenInstanceError, fields, is_dataclass

import pytest

from osler.model import FitFact, codefacts
from osler.testing import place

FACTS = [f for f in vars(codefacts).values() if is_dataclass(f) and f.__module__ == codefacts.__name__]


@pytest.mark.parametrize("fact", FACTS, ids=lambda f: f.__name__)
def test_every_field_is_explained(fact: type) -> None:
    assert fact.__doc__ is not None
    assert [f.name for f in fields(fact) if f"\n        {f.name}: " not in fact.__doc__] == []


def test_a_fact_stays_what_it_is() -> None:
    fact = FitFact("mean", "x", place(3), place(4))
    with pytest.raises(FrozenInstanceError):
        fact.data = "y"  # pyright: ignore[reportAttributeAccessIssue]
    assert fact == FitFact("mean", "x", place(3), place(4))
