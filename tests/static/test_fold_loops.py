"""Loops over folds, and which rows are which."""

import ast
from pathlib import Path

import pytest

from osler.static.fold_loops import fold_loops
from osler.static.sources import parse

LIBRARY = "from sklearn.model_selection import KFold\n"


def rows(code: str) -> list[tuple[str, set[str], set[str]]]:
    """The splitter, and the names that stand for either kind of rows."""
    source = parse(Path("/folds.py"), (code + "\nloss.backward()").encode())
    found: list[tuple[str, set[str], set[str]]] = []
    for loop in fold_loops(source, range(99)):
        names = [n for s in loop.body for n in ast.walk(s) if isinstance(n, ast.Name)]
        kinds = (loop.trained, loop.held_out)
        trained, held = ({n.id for n in names if id(n) in kind} for kind in kinds)
        found.append((loop.splitter, trained, held))
    return found


def test_names_of_the_target_and_what_is_made_of_them() -> None:
    code = LIBRARY + "for i, (a, b) in enumerate(KFold(3).split(x)):\n    train = x[a]\n    print(train, b)"
    assert rows(code) == [("KFold", {"a", "train"}, {"b"})]


def test_folds_by_name() -> None:
    code = LIBRARY + "kf = KFold(3)\nsplits = list(kf.split(x))\nfor a, b in tqdm(splits):\n    print(a, b)"
    assert rows(code) == [("KFold", {"a"}, {"b"})]


def test_a_pair_that_is_taken_apart() -> None:
    code = LIBRARY + "for fold in KFold(3).split(x):\n    a, b = fold\n    print(a, b)"
    assert rows(code) == [("KFold", {"a"}, {"b"})]


def test_a_function_that_gets_the_number() -> None:
    code = "def run(k):\n    a, b = of != k, of == k\n    print(a, b)\nfor i in range(3):\n    run(i)"
    assert rows(code) == [("", {"a"}, {"b"})]


NONE = {
    "another splitter": LIBRARY + "for a, b in TimeSeriesSplit(3).split(x):\n    print(a, b)",
    "one of two splitters": LIBRARY
    + "kf = KFold(3)\nkf = TimeSeriesSplit(3)\nfor a, b in kf.split(x):\n    print(a, b)",
    "text": "for a, b in line.split(','):\n    print(a, b)",
    "left after one turn": LIBRARY + "for a, b in KFold(3).split(x):\n    print(a, b)\n    break",
    "turns that are left out": LIBRARY
    + "for i, (a, b) in enumerate(KFold(3).split(x)):\n    if i:\n        continue\n    print(a, b)",
    "only one side": "for k in range(3):\n    print(x[of == k])",
    "two arrays": "for k in range(3):\n    print(x[of == k], x[other != k])",
    "the rest of nothing": "for i in range(3):\n    print([p for j, p in enumerate(parts) if j != i])",
}


@pytest.mark.parametrize("code", NONE.values(), ids=NONE)
def test_is_no_loop_over_folds(code: str) -> None:
    assert rows(code) == []
