"""Amounts and names as messages write them."""

import pytest

from osler.model import counted, listed


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
