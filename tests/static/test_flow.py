"""States are followed through a tree of actions: branches joined, loops taken twice, conditions kept."""

import pytest

from osler.model import Action, Branch, CallNode, ExitNode, Kind, Loop, Node
from osler.static.flow import MOST_STATES, Walk, any_of
from osler.testing import place

Seen = dict[str, list[set[str]]]


def act(name: str) -> Action:
    return Action(Kind.STEP, place(1), words=frozenset({name}))


def name_of(action: Action) -> str:
    return next(iter(action.words))


def loop(*body: Node, once: bool = False, number: int = 0) -> Loop:
    return Loop(None, list(body), place(1), once=once, number=number)


def call(*body: Node) -> CallNode:
    return CallNode("f", place(1), list(body))


def branch(*ways: list[Node], key: str = "") -> Branch:
    return Branch(key, [list(w) for w in ways])


def follow(*nodes: Node) -> tuple[set[str], Seen]:
    """The state is the letters of the actions so far; what it is at the end, and before each action."""
    seen: Seen = {}

    def visit(action: Action, states: frozenset[str], loops: tuple[Loop, ...]) -> None:
        seen.setdefault(name_of(action), []).append(set(states))

    walk = Walk(lambda state, action: state + name_of(action), visit)
    return set(walk.follow(list(nodes), "")), seen


A, B, C = act("a"), act("b"), act("c")
RETURN, BREAK, CONTINUE, RAISE = (ExitNode(k) for k in ("return", "break", "continue", "raise"))


@pytest.mark.parametrize(
    ("nodes", "ends"),
    [
        ([], {""}),
        ([A, B], {"ab"}),
        ([branch([A], [B]), C], {"ac", "bc"}),
        ([branch([A], [])], {"a", ""}),
        ([branch([A, RETURN], [B]), C], {"bc"}),
        ([branch([A, RAISE], []), C], {"c"}),
        ([A, RETURN, B], set()),
        ([call(A, RETURN, B), C], {"ac"}),
        ([call(branch([A, RETURN], [B])), C], {"ac", "bc"}),
        ([call(A, RAISE), C], set()),
        ([loop(A)], {"a", "aa"}),
        ([loop(A, once=True)], {"a"}),
        ([loop(A, once=True), loop(B, once=True)], {"ab"}),
        ([loop(branch([BREAK], []), A)], {"", "a", "aa"}),
        ([loop(A, BREAK, B), C], {"ac"}),
        ([loop(A, CONTINUE, B)], {"a", "aa"}),
        ([loop(branch([CONTINUE], []), A)], {"", "a", "aa"}),
        ([call(loop(A, RETURN)), C], {"ac"}),
        ([loop(loop(A))], {"a", "aa", "aaa", "aaaa"}),
    ],
)
def test_the_states_at_the_end(nodes: list[Node], ends: set[str]) -> None:
    assert follow(*nodes)[0] == ends


def test_what_may_hold_before_each_action() -> None:
    _, seen = follow(branch([A], []), B, RETURN, C)
    assert seen == {"a": [{""}], "b": [{"a", ""}]}


def test_a_loop_is_visited_in_its_first_turn_and_in_a_later_one() -> None:
    _, seen = follow(A, loop(B, C))
    assert seen["b"] == [{"a"}, {"abc"}]


def test_conditions_with_the_same_value_are_taken_together() -> None:
    ends, seen = follow(branch([A], [], key="training"), branch([B], [C], key="training"))
    assert ends == {"ab", "c"}
    assert seen["b"] == [{"a"}]


@pytest.mark.parametrize("key", ["", "other"])
def test_others_are_not(key: str) -> None:
    ends, _ = follow(branch([A], [], key="training" if key else ""), branch([B], [C], key=key))
    assert ends == {"ab", "ac", "b", "c"}


def test_a_condition_inside_itself() -> None:
    ends, _ = follow(branch([branch([A], [B], key="x")], [C], key="x"))
    assert ends == {"a", "c"}


def test_what_a_loop_computes_anew_says_nothing_about_its_next_turn() -> None:
    body = [branch([A], [], key="x@7;"), branch([B], [C], key="x@7;")]
    ends, _ = follow(loop(*body, number=7))
    assert ends == {"ab", "c", "abab", "abc", "cab", "cc"}


def test_what_it_does_not_compute_holds_in_all_turns() -> None:
    body = [branch([A], [], key="x"), branch([B], [C], key="x")]
    ends, _ = follow(loop(*body, number=7))
    assert ends == {"ab", "c", "abab", "cc"}


def test_after_very_many_conditions_states_are_still_right_though_less_sharp() -> None:
    ways = [branch([act(chr(97 + n))], [], key=f"k{n}") for n in range(8)]
    ends, _ = follow(*ways)
    assert len(ends) == 2**8
    again, _ = follow(*ways, branch([], [RETURN], key="k0"))
    assert {e for e in ends if "a" in e} <= again
    assert len(ends) > MOST_STATES


def test_a_walk_is_steady_outside_loops_and_from_the_second_turn_on() -> None:
    steady: list[tuple[str, bool]] = []

    def visit(action: Action, states: frozenset[str], loops: tuple[Loop, ...]) -> None:
        steady.append((f"{name_of(action)}{len(loops)}", walk.is_steady))

    walk = Walk(lambda state, action: state, visit)
    walk.follow([A, loop(B, loop(C, once=True))], "")
    assert steady == [("a0", True), ("b1", False), ("c2", False), ("b1", True), ("c2", True)]


def test_all_actions_below() -> None:
    assert any_of([A, branch([B], [call(C)]), loop(A), RETURN]) == [A, B, C, A]
