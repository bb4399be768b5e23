"""What is known of values: where they come from, and what random numbers decide."""

import ast
from pathlib import Path

import pytest

from osler.model import Const, Place
from osler.static.motions import NOTHING, Following, Motion, Seen, entry, holds, is_draw, merged, united
from osler.static.sources import Source, parse

DATA = Seen(frozenset({("self.x", "i")}))
NUMBER = Seen(draws=frozenset({1}), drawn=Place("a.py", 3))


def following() -> Following:
    source: Source = parse(Path("/home/user/data.py"), b"import random\nimport torch\n")
    return Following(source, "f", None, lambda name: None, {}, values={"p": Const(0.0), "q": Const(1)})


def expression(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


def test_data_are_no_numbers() -> None:
    assert united(DATA, NUMBER) == DATA
    assert united(NUMBER, NOTHING) == NUMBER


def test_parts_of_what_is_stored() -> None:
    assert entry(DATA, 1).origins == {("self.x[1]", "i")}
    assert entry(Seen(items={1: NUMBER}), 1) == NUMBER


def test_what_a_condition_decides() -> None:
    assert merged(NOTHING, NOTHING, NUMBER) == NOTHING
    assert merged(NOTHING, Seen(draws=frozenset({2})), NUMBER).draws == {1, 2}
    moved = following().moved(DATA, NUMBER, expression("x.flip(-1)"))
    assert merged(DATA, moved, NUMBER) == moved
    assert isinstance(moved.motions[0], Motion)


def test_only_data_are_moved_and_only_by_numbers() -> None:
    state, call = following(), expression("x.flip(-1)")
    assert state.moved(DATA, NOTHING, call) == DATA
    assert state.moved(NUMBER, NUMBER, call) == NUMBER


@pytest.mark.parametrize(
    ("text", "draws"),
    [
        ("random.random()", True),
        ("torch.rand(1).item()", True),
        ("self.rng.integers(4)", True),
        ("T.RandomCrop.get_params(x, (4, 4))", True),
        ("len(x)", False),
        ("self.flip(x)", False),
    ],
)
def test_draws(text: str, draws: bool) -> None:
    assert is_draw(following(), expression(text)) is draws


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("random.random() < p", False),
        ("q >= random.random()", True),
        ("random.random() < r", None),
        ("not p", True),
        ("p and r", False),
        ("q is None", None),
        ("p == 0.0", True),
        ("p != 0.0", False),
        ("r", None),
    ],
)
def test_conditions(text: str, known: bool | None) -> None:
    assert holds(following(), expression(text)) is known
