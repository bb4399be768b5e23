"""What is learned of a program; here, what is believed before anything is."""

from dataclasses import FrozenInstanceError, fields

import pytest

from osler.model import Context, Run


@pytest.mark.parametrize("name", [f.name for f in fields(Context)])
def test_nothing_is_believed_that_was_not_learned(name: str) -> None:
    """A check that asks a fresh context must not be led to speak."""
    assert not getattr(Context(), name)


def test_one_program_does_not_teach_about_another() -> None:
    first, second = Context(), Context()
    first.accumulation["SGD"] = 4
    first.copies["EMA"] = "Net"
    assert second == Context()
    assert Run().context == Context()


def test_a_context_is_derived_and_not_corrected() -> None:
    with pytest.raises(FrozenInstanceError):
        Context().closure = True
