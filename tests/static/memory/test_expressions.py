"""What expressions stand for."""

from collections.abc import Callable

import pytest


@pytest.mark.parametrize(
    "code",
    [
        "b = a",
        "b, c = a, 1",
        "(b, c), d = (a, 1), 2",
        "b = (a, 1)[0]",
        "b = (c := a)",
        "[b] = (a,)",
        "for b in (a, a): pass",
        "for n, b in enumerate([a]): pass",
        "for b, c in zip([a], [1]): pass",
    ],
)
def test_the_same(follow: Callable[..., object], code: str) -> None:
    assert follow(f"a = np.zeros(4)\n{code}").shares("a", "b")


def test_one_of_two(follow: Callable[..., object]) -> None:
    found = follow("a, b = np.zeros(4), np.ones(4)\nc = a if x else b\nd = None or a")
    assert found.blocks("c") == found.blocks("a") + found.blocks("b")
    assert found.shares("a", "d")


def test_a_comprehension_makes_new_things_in_each_turn(follow: Callable[..., object]) -> None:
    found = follow("rows = [np.zeros(4) for _ in range(3)]\na, b = rows[0], rows[1]")
    assert not found.shares("a", "b")
    assert follow("a = np.zeros(4)\nrows = [a for _ in range(3)]\nb = rows[1]").shares("a", "b")


def test_a_part_of_an_array_can_change_it(follow: Callable[..., object]) -> None:
    assert follow("a = np.zeros(4)\nb = a[:2]\nb += 1").is_changed("a")


@pytest.mark.parametrize("key", ['"x"', "'y'"])
def test_a_column_by_its_name(follow: Callable[..., object], key: str) -> None:
    assert not follow(f"a = load()\na[{key}] = 1").is_changed("a")
