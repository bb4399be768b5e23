"""Variables of a loop are put back while its frames run; the loop says how many turns it makes."""

import sys
from functools import partial

import pytest
from torch import nn

from osler.replay.loop import LoopState, turns_around, turns_of


def is_here(frame):
    return frame.f_code.co_filename == __file__


def test_variables_of_a_running_function_are_put_back():
    kept = []

    def draw():
        if not kept:
            kept.append(LoopState(sys._getframe(1), is_here))
        elif len(kept) < 3:
            kept.append(None)
            kept[0].restore()

    step, total, seen = 0, 0.0, []
    while step < 3:
        draw()
        step += 1
        total += 0.5
        seen.append((step, total))
    assert seen == [(1, 0.5), (1, 0.5), (1, 0.5), (2, 1.0), (3, 1.5)]


def test_a_frame_that_has_ended_is_left_alone():
    def once():
        here = 1
        return LoopState(sys._getframe(0), is_here), here

    state, _ = once()
    state.restore()


def asked():
    return turns_of(sys._getframe(1))


def test_a_while_does_not_tell():
    items = [1, 2]
    while items:
        assert asked() == -1
        items.pop()


def drawn():
    for _ in range(3):
        yield asked()


def test_generators_leave_it_to_those_who_draw():
    assert list(drawn()) == [None, None, None]


def test_all_loops_of_the_function_around_a_step():
    for _ in range(4):
        for _ in range(5):
            around = turns_around(sys._getframe(0), is_here)
    assert around == 20
    while around:
        around = 0 if turns_around(sys._getframe(0), is_here) == float("inf") else 1
    assert turns_around(sys._getframe(0), is_here) == 1


class Thing:
    """Stands for a model."""


def around(*things):
    return turns_around(sys._getframe(1), is_here, things)


def test_loops_of_the_functions_that_hold_what_is_trained():
    model = Thing()

    def one_pass(model):
        for _ in range(5):
            turns = around(model)
        return turns

    def blind_pass():
        for _ in range(5):
            turns = around(model)
        return turns

    for _ in range(4):
        assert one_pass(model) == 20
        assert blind_pass() == 20
    for _ in range(3):
        assert (lambda: one_pass(model))() == 15, "a function without a loop between them"


def test_a_function_that_does_not_hold_it_may_make_it_anew():
    def fold():
        model = Thing()
        for _ in range(5):
            turns = around(model)
        return turns

    for _ in range(4):
        assert fold() == 5


def test_a_loop_that_makes_it_anew_is_not_counted():
    for _ in range(4):
        model = Thing()
        for _ in range(3):
            for _ in range(2):
                assert around(model) == 6
    model = Thing()
    for _ in range(4):
        for number in range(3):
            assert around(model) == 12, number


def test_an_object_that_holds_it():
    class Trainer:
        def __init__(self):
            self.model = Thing()

        def one_pass(self):
            for _ in range(5):
                turns = around(self.model)
            return turns

        def fit(self):
            for _ in range(2):
                turns = self.one_pass()
            return turns

    assert Trainer().fit() == 10


def test_an_outer_while_goes_on():
    model, turns = Thing(), 0
    while not turns:
        for _ in range(3):
            turns = around(model)
    assert turns == float("inf")


def test_a_function_that_is_called_anew_is_followed():
    """Its variables are those of the first call again; of what it makes anew too."""
    kept = []

    def stand(state):
        if not kept:
            kept.append(LoopState(state, is_here))
            return True
        followed = kept[0].follow(state)
        kept[0].restore()
        return followed

    def step(number, text):
        followed = stand(sys._getframe(0))
        return followed, number, text

    seen = []
    for number, text in [(1, "a"), (2, "b"), (3, "c")]:
        seen.append(step(number, text))
    assert [(n, t) for _, n, t in seen] == [(1, "a"), (1, "a"), (1, "a")]
    assert [f for f, _, _ in seen] == [True, True, True]
    assert step(4, "d") == (False, 4, "d"), "called from another line"


def test_another_function_is_not_followed():
    def here():
        return LoopState(sys._getframe(0), is_here)

    def there(state):
        return state.follow(sys._getframe(0))

    assert not there(here())
    assert not here().follow(None)


def filled_in_turns(make):
    """What a loop that makes something in every turn finds in it, after it was put back and filled."""
    kept, seen = [], []
    for turn in range(3):
        made = make(turn)
        if not kept:
            kept.append(LoopState(sys._getframe(0), is_here))
            kept[0].ways[id(made)] = partial(made.__setitem__, slice(None), list(made))
        else:
            kept[0].restore()
        made.append("x")
        seen.append(list(made))
    return seen


def test_an_empty_list_stays_the_one_that_the_loop_has_made():
    assert filled_in_turns(lambda _: []) == [["x"]] * 3


def test_a_list_with_data_is_that_of_the_first_turn_without_what_was_put_in_since():
    assert filled_in_turns(lambda turn: [turn]) == [[0, "x"]] * 3


def test_what_is_about_to_be_put_into_a_list_is_put_into_it():
    kept = []

    def value():
        kept[0].restore()
        return 1

    def once():
        gathered = []
        if not kept:
            kept.append(LoopState(sys._getframe(0), is_here))
        else:
            kept[0].follow(sys._getframe(0))
        gathered.append(value())
        return gathered

    assert [once() for _ in range(3)] == [[1], [1], [1]]


def test_how_many_turns():
    count, items = 5, [1, 2]
    for _ in range(count * 2):
        assert asked() == 10
    for _ in enumerate(range(3, count)):
        assert asked() == 2
    for _ in items:
        assert asked() == 2
    for _ in "abc":
        assert asked() == 3
    for _ in range(len(items)):
        assert asked() == 2


def test_the_loops_around_are_counted_too():
    for _ in range(7):
        for _ in range(2):
            assert asked() == 14
    for _ in range(7):
        model = nn.Linear(1, 1)
        for _ in range(2):
            assert asked() == 2, model


class Loader:
    def __init__(self):
        self.left = 2

    def __iter__(self):
        return self

    def __next__(self):
        if not self.left:
            raise StopIteration
        self.left -= 1
        return turns_of(sys._getframe(1))


@pytest.mark.parametrize("whole", [7])
def test_the_loop_that_asks_is_no_limit(whole):
    for _ in range(whole):
        for turns in Loader():
            assert turns == -1
    numbers = range(3)
    for _ in range(whole):
        for _, turns in zip(numbers, Loader(), strict=False):
            assert turns == 21
