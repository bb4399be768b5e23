"""What is written beside the numbers comes back, and says nothing that is not known."""

from dataclasses import FrozenInstanceError, fields
from typing import Any

import pytest

from osler.store.codec import Damaged, decode, encode
from osler.store.records import Ending, Note, Series, Standing

FULL = [
    Series("update_ratio:fc", "update_ratio", "fc", "ratio", "size of a step"),
    Standing(120, 0.03125),
    Ending(3, "sys.exit", 12.5),
]


@pytest.mark.parametrize("record", [*FULL, Series("loss"), Standing(), Ending()], ids=repr)
def test_what_is_written_is_read(record: Any) -> None:
    assert decode(type(record), encode(record)) == record


@pytest.mark.parametrize("record", [Standing(), Ending()], ids=repr)
def test_what_is_not_known_takes_no_room(record: Any) -> None:
    assert encode(record) == {}


def test_a_run_without_a_loss_and_one_with_a_bad_one_are_told_apart() -> None:
    assert encode(Standing(loss=float("nan"))) == {"loss": "nan"}
    assert Standing().loss is None


def test_an_exit_code_of_0_is_one() -> None:
    assert encode(Ending(0)) == {"exit_code": 0}
    assert Ending().exit_code is None


@pytest.mark.parametrize("stored", [{}, {"measure": "loss"}, {"name": 3}, None])
def test_a_series_has_a_name(stored: object) -> None:
    with pytest.raises(Damaged):
        decode(Series, stored)


@pytest.mark.parametrize("record", [*FULL, Note("finding", 1.5, {})], ids=lambda r: type(r).__name__)
def test_what_happened_is_not_changed(record: Any) -> None:
    for field in fields(record):
        with pytest.raises(FrozenInstanceError):
            setattr(record, field.name, None)
