"""Amounts and names as messages write them."""

import pytest

from osler.model import counted, listed, percent


@pytest.mark.parametrize(("amount", "text"), [(0, "0 steps"), (1, "1 step"), (2, "2 steps")])
def test_counted(amount: int, text: str) -> None:
    assert counted(amount, "step") == text


def test_counted_with_a_plural_of_its_own() -> None:
    assert [counted(n, "batch", "batches") for n in (1, 2)] == ["1 batch", "2 batches"]


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ("", ""),
        ("a", "`a`"),
        ("ab", "`a`, `b`"),
        ("abcd", "`a`, `b`, `c`, `d`"),
        ("abcde", "`a`, `b`, `c`, `d` and 1 more"),
        ("abcdefg", "`a`, `b`, `c`, `d` and 3 more"),
    ],
)
def test_listed(names: str, text: str) -> None:
    assert listed(names) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0, "0%"),
        (1, "100%"),
        (0.58, "58%"),
        (0.01, "1%"),
        (0.0003, "0.03%"),
        (0.9997, "99.97%"),
        (2e-12, "0.000000%"),
    ],
)
def test_percent(share: float, text: str) -> None:
    assert percent(share) == text
