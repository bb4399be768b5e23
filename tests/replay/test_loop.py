"""Variables of a loop are put back while its frames run; the loop says how many turns it makes."""

import sys

import pytest

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
    for _ in range(7):
        for _ in range(2):
            assert asked() == 2


@pytest.mark.parametrize("whole", [7])
def test_the_loop_that_asks_is_no_limit(whole):
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

    for _ in range(whole):
        for turns in Loader():
            assert turns == -1
