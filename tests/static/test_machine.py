"""The state of the reader: names are written so that it can be taken back, and joined where ways meet."""

import pytest

from osler.model import Branch, Const, Kind, Maybe, Network, Optimizer, Place, Unknown
from osler.static.machine import Frame
from osler.static.values import Scope


def test_an_action_knows_where_it_stands(machine, node) -> None:
    machine.frames.append(Frame("train", machine.source, Scope(), callers=(Place("/home/user/train.py", 9),)))
    with machine.recorded(False):
        action = machine.emit(Kind.STEP, node, Optimizer("o"), None, "closure")
    assert action.place == Place("/home/user/train.py", 1, "train")
    assert action.callers == (Place("/home/user/train.py", 9),)
    assert (action.recording, action.words) == (False, {"closure"})
    assert machine.block == [action]


def test_collecting_keeps_actions_apart(machine, node) -> None:
    first = machine.emit(Kind.CLEAR, node)
    with machine.collecting() as tree:
        inner = machine.emit(Kind.STEP, node)
    assert (machine.block, tree) == ([first], [inner])


def test_recording_and_collecting_end_with_an_error_too(machine) -> None:
    block = machine.block
    with pytest.raises(KeyError), machine.recorded(False), machine.collecting():
        raise KeyError
    assert machine.recording is True
    assert machine.block is block


def test_the_budget_is_used_up_node_by_node(machine) -> None:
    machine.budget = 2
    assert [machine.spend() for _ in range(3)] == [True, False, False]


def test_what_is_given_up_is_counted(machine) -> None:
    machine.give_up("recursion")
    machine.give_up("recursion")
    assert machine.given_up == {"recursion": 2}


def both(machine, one, other, *, alive=(True, True), key="") -> bool:
    """Two ways; each gives names their values and may end before the line behind them."""

    def way(values, is_alive):
        def follow() -> bool:
            for name, value in values.items():
                machine.assign(name, value)
            return is_alive

        return follow

    return machine.fork(key, (way(one, alive[0]), way(other, alive[1])), ("a", "not a"))


NETWORK = Network("m")


@pytest.mark.parametrize(
    ("one", "other", "before", "after"),
    [
        ({"x": Const(1)}, {"x": Const(1)}, None, Const(1)),
        ({"x": NETWORK}, {}, NETWORK, NETWORK),
        ({"x": Const(1)}, {}, Const(1), Const(1)),
        ({"x": NETWORK}, {}, None, NETWORK),
    ],
    ids=["same", "same as before", "equal to before", "only on one way"],
)
def test_where_ways_meet_a_name_stands_for_both(machine, one, other, before, after) -> None:
    if before is not None:
        machine.assign("x", before)
    assert both(machine, one, other)
    assert machine.frame.scope.find("x") == after


def test_different_constants_are_unknown_behind(machine) -> None:
    both(machine, {"x": Const(1)}, {"x": Const(2)})
    assert isinstance(machine.frame.scope.find("x"), Unknown)


def test_something_or_none(machine) -> None:
    machine.assign("x", Const(None))
    both(machine, {"x": NETWORK}, {})
    value = machine.frame.scope.find("x")
    assert isinstance(value, Maybe)
    assert value.value is NETWORK


def test_the_second_way_starts_where_the_first_did(machine) -> None:
    machine.assign("x", Const(1))
    seen = []

    def look() -> bool:
        seen.append(machine.frame.scope.find("x"))
        machine.assign("x", Const(2))
        return True

    machine.fork("", (look, look))
    assert seen == [Const(1), Const(1)]
    assert machine.frame.scope.find("x") == Const(2)


def test_a_way_that_ends_leaves_nothing(machine) -> None:
    machine.assign("x", Const(0))
    assert both(machine, {"x": Const(1)}, {"x": Const(2)}, alive=(False, True))
    assert machine.frame.scope.find("x") == Const(2)


def test_if_all_ways_end_so_does_what_follows(machine) -> None:
    assert not both(machine, {}, {}, alive=(False, False))


def test_actions_of_the_ways_become_a_branch(machine, node) -> None:
    machine.fork("key", (lambda: bool(machine.emit(Kind.STEP, node)), lambda: True))
    (branch,) = machine.block
    assert isinstance(branch, Branch)
    assert branch.key == "key"
    assert [[a.kind for a in way] for way in branch.ways] == [[Kind.STEP], []]


def test_ways_on_which_nothing_is_done_are_no_branch(machine) -> None:
    both(machine, {"x": Const(1)}, {})
    assert machine.block == []


def test_guards_are_the_conditions_around(machine) -> None:
    seen = []

    def look() -> bool:
        seen.append(list(machine.frame.guards))
        return True

    machine.fork("", (look, look, look), ("a", "not a"))
    assert seen == [["a"], ["not a"], [""]]
    assert machine.frame.guards == []


def test_a_global_name_is_written_outside(machine) -> None:
    outer = machine.frame.scope
    outer.names["x"] = Const(1)
    machine.frames.append(Frame("f", machine.source, Scope({}, outer, frozenset({"x"}))))
    machine.assign("x", NETWORK)
    assert outer.names["x"] is NETWORK


def test_a_number_written_outside_is_not_known_from_then_on(machine) -> None:
    """It may be another at the next call."""
    outer = machine.frame.scope
    machine.frames.append(Frame("f", machine.source, Scope({}, outer, frozenset({"x", "y"}))))
    machine.assign("x", Const(2))
    machine.assign("y", Const(None))
    assert isinstance(outer.names["x"], Unknown)
    assert outer.names["y"] == Const(None)
