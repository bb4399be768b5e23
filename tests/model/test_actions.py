"""What the source does is a tree of actions; a call remembers what it was given."""

import pytest

from osler.model import Action, Branch, CallFact, CallNode, Const, ExitNode, Kind, Loop, Place, flat
from osler.testing import place


def act(line: int) -> Action:
    return Action(Kind.STEP, place(line))


def test_a_tree_is_flattened_in_the_order_of_the_source() -> None:
    one, two, three, four, five = (act(n) for n in range(1, 6))
    tree = [
        one,
        Branch("", [[two], [], [Loop(None, [three], place(3)), ExitNode("break")]]),
        CallNode("train", place(9), [four]),
        ExitNode("return"),
        five,
    ]
    assert list(flat(tree)) == [one, two, three, four, five]


def test_an_action_met_twice_is_told_twice() -> None:
    again = act(1)
    assert list(flat([again, Loop(None, [again], place(1))])) == [again, again]


@pytest.mark.parametrize("tree", [[], [ExitNode("raise")], [Branch("", [[], []])], [Loop(None, [], Place())]])
def test_a_tree_in_which_nothing_is_done(tree: list[object]) -> None:
    assert list(flat(tree)) == []


def test_the_site_is_the_line_and_the_two_nearest_callers() -> None:
    lines = tuple(place(n) for n in (20, 30, 40))
    assert Action(Kind.STEP, place(10), callers=lines).site == (place(10), place(20), place(30))
    assert act(10).site == (place(10),)


def test_equal_actions_are_still_two() -> None:
    """The same line reached on two ways has two states."""
    assert act(1) != act(1)


def call(name: str = "torch.load", *, spread: bool = False, **arguments: object) -> CallFact:
    given = {int(k[1:]) if k[0] == "_" else k: Const(v) for k, v in arguments.items()}
    return CallFact(name, place(1), given, spread=spread)


@pytest.mark.parametrize(
    ("name", "last"), [("torch.nn.functional.relu", "relu"), ("Tensor.view", "view"), ("print", "print")]
)
def test_the_last_name_of_a_call(name: str, last: str) -> None:
    assert call(name).last == last


@pytest.mark.parametrize(
    ("fact", "value"),
    [
        (call(_0="x", _1="cpu"), Const("cpu")),
        (call(_0="x", device="cpu"), Const("cpu")),
        (call(_0="x"), None),
        (call(_0="x", _2="cpu"), None),
        (call(_0="x", spread=True), None),
        (call(_0="x", _1=None), Const(None)),
    ],
    ids=["by position", "by name", "left out", "another position", "may be behind **", "given as None"],
)
def test_an_argument_by_position_or_name(fact: CallFact, value: object) -> None:
    assert fact.argument(1, "device") == value


@pytest.mark.parametrize(
    ("fact", "is_given"),
    [
        (call(_1="cpu"), True),
        (call(device="cpu"), True),
        (call(device=None), True),
        (call(_0="x", spread=True), True),
        (call(_0="x", dtype="float"), False),
        (call(), False),
    ],
)
def test_what_may_be_behind_stars_counts_as_given(fact: CallFact, is_given: bool) -> None:
    assert fact.given(1, "device") is is_given
