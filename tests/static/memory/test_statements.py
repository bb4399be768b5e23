"""What statements do with memory."""

from collections.abc import Callable

import pytest


@pytest.mark.parametrize(
    "code",
    [
        "if x: a += 1",
        "for x in xs: a += 1",
        "while x: a += 1",
        "with x: a += 1",
        "try:\n    a += 1\nexcept ValueError: pass",
        "try:\n    pass\nfinally: a += 1",
        "match x:\n    case 1: a += 1",
        "def f():\n    global a\n    a += 1\nf()",
        "b: object = a\nb += 1",
    ],
)
def test_it_may_be_changed(follow: Callable[..., object], code: str) -> None:
    assert follow(f"a = np.zeros(4)\n{code}").is_changed("a")


def test_ways_meet(follow: Callable[..., object]) -> None:
    found = follow("a, b = np.zeros(4), np.ones(4)\nif x:\n    c = a\nelse:\n    c = b")
    assert found.blocks("c") == found.blocks("a") + found.blocks("b")


def test_a_way_that_leaves_changes_nothing_behind_it(follow: Callable[..., object]) -> None:
    found = follow(
        "def f(c):\n    if x:\n        return None\n    c += 1\n    return c\na = np.zeros(4)\nb = f(a)"
    )
    assert found.shares("a", "b")
    found = follow("a = np.zeros(4)\nfor x in xs:\n    if x:\n        b = a\n        break\n    b = None")
    assert found.shares("a", "b")


def test_an_endless_loop(follow: Callable[..., object]) -> None:
    found = follow("a = np.zeros(4)\nwhile True:\n    if x:\n        break\n    a = np.ones(4)\nb = a")
    assert len(found.blocks("b")) == 2


def test_names_of_other_files(follow: Callable[..., object]) -> None:
    other = {"data.py": "a = np.zeros(4)\nb = a"}
    for statement in ("from data import a, b", "import data\na, b = data.a, data.b", "from data import *"):
        assert follow(statement, other).shares("a", "b")


def test_files_that_import_each_other(follow: Callable[..., object]) -> None:
    found = follow("import data\na = np.zeros(4)\nb = data.c", {"data.py": "import train\nc = 1"})
    assert not found.shares("a", "b")


def test_a_number_is_no_memory(follow: Callable[..., object]) -> None:
    assert not follow("a = 0\na += 1").is_changed("a")


def test_what_is_deleted(follow: Callable[..., object]) -> None:
    assert follow("rows = [np.zeros(4)]\ndel rows[:]\na = rows").scene.state.entries.popitem()[1] == ()
