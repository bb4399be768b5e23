"""What is known of schedules, loaded weights and updates before anything was seen of them."""

from dataclasses import FrozenInstanceError, fields

import pytest

from osler.model import AliasFact, ScheduleFact, UpdateFact
from osler.model.stepping import InPlaceFact
from osler.store.codec import decode, encode
from osler.testing import findings, place, run_of

MADE, SITE = (place(8),), (place(20),)
COSINE = ScheduleFact("CosineAnnealingLR", MADE, "CosineAnnealingLR", "SGD", horizon=100, calls=12)
PLATEAU = ScheduleFact(
    "ReduceLROnPlateau", MADE, "ReduceLROnPlateau", mode="min", metrics=3, lows=2, lowest=0.1
)
ALIAS = AliasFact(SITE, MADE, 10, 200)
UPDATES = UpdateFact("SGD", looks=9, absent=9, rate=1e-9)
IN_PLACE = InPlaceFact("ReluBackward0", (SITE, MADE))


def test_a_schedule_without_an_end_has_none() -> None:
    fresh = ScheduleFact("LambdaLR", MADE, "LambdaLR")
    assert (fresh.horizon, fresh.calls, fresh.metrics, fresh.mode, fresh.optimizer) == (0, 0, 0, "", "")


def test_updates_that_were_not_looked_at_are_not_absent() -> None:
    assert UpdateFact("SGD") == UpdateFact("SGD", looks=0, absent=0, rate=0.0)
    assert findings(run_of([], updates=[UpdateFact("SGD")])) == ()


@pytest.mark.parametrize("fact", [COSINE, PLATEAU, ALIAS, UPDATES, IN_PLACE])
def test_facts_do_not_change_once_they_are_told(fact: object) -> None:
    for field in fields(fact):
        with pytest.raises(FrozenInstanceError):
            setattr(fact, field.name, None)


@pytest.mark.parametrize("fact", [COSINE, PLATEAU, ALIAS, UPDATES, IN_PLACE, InPlaceFact("")])
def test_a_stored_fact_is_the_same_fact(fact: object) -> None:
    assert decode(type(fact), encode(fact)) == fact
