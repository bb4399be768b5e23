"""What could not be done is one kind of error, with the way out beside it."""

import pytest

from osler.errors import OslerError, SettingsError, StoreError, UnknownName, UsageError

CHECKS = ["gradients-not-cleared", "loss-not-finite", "graph-broken"]


@pytest.mark.parametrize("kind", [UsageError, SettingsError, StoreError])
def test_every_error_is_caught_as_one_of_ours(kind: type[OslerError]) -> None:
    with pytest.raises(OslerError, match=r"^it is full$") as caught:
        raise kind("it is full", fix="Empty it.")
    assert caught.value.fix == "Empty it."


def test_a_fix_need_not_be_known() -> None:
    assert OslerError("it is full").fix == ""


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("gradient-not-cleared", "gradients-not-cleared"),
        ("gradients_not_cleared", "gradients-not-cleared"),
        ("loss-not-finit", "loss-not-finite"),
        ("graph", "graph-broken"),
    ],
)
def test_a_misspelt_name_is_put_right(given: str, meant: str) -> None:
    error = UnknownName("check", given, CHECKS)
    assert str(error) == f"there is no check named '{given}'"
    assert error.fix == f"Did you mean '{meant}'?"


@pytest.mark.parametrize("given", ["", "x", "overfitting", "GRAPH-BROKEN"])
def test_a_name_like_no_other_is_not_guessed(given: str) -> None:
    assert UnknownName("check", given, CHECKS).fix == "List the names with `osler checks`."


def test_the_names_may_be_given_once_only() -> None:
    assert UnknownName("check", "graph-brokn", iter(CHECKS)).fix == "Did you mean 'graph-broken'?"


def test_without_any_name_nothing_is_meant() -> None:
    assert UnknownName("measure", "loss", ()).fix == "List the names with `osler measures`."
