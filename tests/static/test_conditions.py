"""What a condition is worth, and which conditions certainly have the same value."""

import ast

import pytest

from osler.model import Const, Maybe, Network, Optimizer, Series, Table, Tensor, Unknown, Value
from osler.static.conditions import condition, is_none, key_of, truth


@pytest.mark.parametrize(
    ("value", "known"),
    [
        (Const(0), False),
        (Const(""), False),
        (Const(None), False),
        (Const("no"), True),
        (Network("m"), True),
        (Optimizer("o"), True),
        (Series([]), False),
        (Series([Const(0)]), True),
        (Table({"a": Const(0)}), True),
        (Series([], whole=False), None),
        (Tensor(), None),
        (Maybe(Network("m")), None),
        (Unknown(), None),
    ],
)
def test_the_truth_of_a_value(value: Value, known: bool | None) -> None:
    assert truth(value) is known


@pytest.mark.parametrize(
    ("value", "known"),
    [
        (Const(None), True),
        (Const(0), False),
        (Network("m"), False),
        (Tensor(), False),
        (Maybe(Network("m")), None),
        (Unknown(), None),
        (Value(), None),
    ],
)
def test_whether_a_value_is_none(value: Value, known: bool | None) -> None:
    assert is_none(value) is known


@pytest.fixture
def worth(machine):
    """The truth of a condition about a few names."""
    machine.frame.scope.names |= {
        "one": Const(1),
        "name": Const("adam"),
        "model": Network("model"),
        "nothing": Const(None),
        "maybe": Maybe(Network("m")),
        "what": Unknown(),
        "kinds": Series([Const("sgd"), Const("adam")]),
        "open_list": Series([Const("sgd")], whole=False),
        "table": Table({"a": Const(1)}),
        "out": Tensor(frozenset({Network("m")})),
    }
    return lambda text: truth(condition(machine, ast.parse(text, mode="eval").body))


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("one", True),
        ("not one", False),
        ("not not what", None),
        ("one == 1", True),
        ("one != 1", False),
        ("name == 'sgd'", False),
        ("name in kinds", True),
        ("name not in kinds", False),
        ("'rmsprop' in kinds", False),
        ("'rmsprop' in open_list", None),
        ("'a' in table", True),
        ("'dam' in name", True),
        ("what in kinds", None),
        ("model is None", False),
        ("model is not None", True),
        ("model == None", False),
        ("model != None", True),
        ("nothing is None", True),
        ("nothing != None", False),
        ("maybe is None", None),
        ("maybe != None", None),
        ("what is not None", None),
        ("one < 2", True),
        ("0 < one < 2", None),
        ("out == 1", None),
        ("one and what", None),
        ("one or what", True),
        ("what and 0", None),
        ("0 and what", False),
        ("nothing or model", True),
    ],
)
def test_the_truth_of_a_condition(worth, text: str, known: bool | None) -> None:
    assert worth(text) is known


def key(machine, text: str) -> str:
    return key_of(machine, ast.parse(text, mode="eval").body)


@pytest.mark.parametrize(
    "text", ["flag", "flag > 0", "not flag", "len(flag) > 2", "isinstance(flag, int)", "a.b and c[0]"]
)
def test_the_same_condition_asked_twice_has_the_same_value(machine, text: str) -> None:
    machine.frame.scope.names["flag"] = Unknown()
    assert key(machine, text) == key(machine, text) != ""


@pytest.mark.parametrize("text", ["next(it)", "random.random() < p", "f(x)", "(y := x)", "a.ready()"])
def test_what_may_answer_differently_each_time_has_no_key(machine, text: str) -> None:
    assert key(machine, text) == ""


def test_the_same_words_about_another_value_are_another_condition(machine) -> None:
    names = machine.frame.scope.names
    names["flag"] = Unknown()
    before = key(machine, "flag")
    names["flag"] = Unknown()
    assert key(machine, "flag") != before


def test_a_condition_on_what_a_loop_computes_anew_is_marked_with_the_loop(machine) -> None:
    machine.turning.append(7)
    machine.assign("flag", Unknown())
    assert "@7;" in key(machine, "flag")
    assert "@7;" not in key(machine, "other")
