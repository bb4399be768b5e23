"""When the checks are asked: often where that costs little, ever more rarely where it does not."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from osler.engine.pace import EARLY, FIRST, GROWTH, SHARE, Pace


class Clock:
    """A training whose turns take so many seconds."""

    def __init__(self, turn: float, cost: float, *, eager: bool = False) -> None:
        self.turn, self.cost, self.seconds = turn, cost, 0.0
        self.pace = Pace(lambda: self.seconds, eager=eager)

    def run(self, turns: int, news: frozenset[int] = frozenset()) -> list[int]:
        """The turns after which the checks were asked; those with news brought evidence of a new kind."""
        asked: list[int] = []
        revision = 0
        for turn in range(1, turns + 1):
            self.seconds += self.turn
            revision += turn in news
            if self.pace.is_time(turn, revision):
                asked.append(turn)
                self.pace.spent += self.cost
        return asked


def test_long_turns_are_judged_one_by_one_at_first() -> None:
    assert Clock(10.0, 0.001).run(EARLY) == list(range(1, EARLY + 1))


def test_short_turns_are_judged_after_a_few() -> None:
    clock = Clock(0.001, 0.001)
    clock.pace.spent = 0.001  # what the rehearsal took
    assert clock.run(40) == [FIRST]


def test_they_are_asked_again_once_it_costs_little() -> None:
    asked = Clock(0.001, 0.001).run(5_000)
    assert len(asked) > 2
    assert all(later >= GROWTH * sooner for sooner, later in pairwise(asked[1:]))


def test_news_are_judged_if_that_costs_little() -> None:
    assert 30 in Clock(1.0, 0.001).run(40, news=frozenset({30}))
    assert 30 not in Clock(1.0, 0.5).run(40, news=frozenset({30}))


def test_news_are_no_news_once_they_were_judged() -> None:
    pace = Pace(lambda: 100.0, eager=False)
    assert pace.is_news(1)
    assert pace.is_time(FIRST, 1)
    assert not pace.is_news(1)


def test_whoever_waits_for_an_answer_gets_it_after_the_first_turn() -> None:
    assert Clock(0.001, 1.0, eager=True).run(20) == [1, GROWTH, GROWTH**2]


def test_a_second_look_can_be_had() -> None:
    clock = Clock(10.0, 0.001)
    clock.run(EARLY)
    clock.pace.again_after(EARLY + 1)
    clock.seconds += 10.0
    assert clock.pace.is_time(EARLY + 1, 0)


@given(st.floats(1e-4, 10.0), st.floats(1e-5, 0.1), st.integers(100, 3_000))
def test_the_share_is_kept(turn: float, cost: float, turns: int) -> None:
    clock = Clock(turn, cost)
    clock.run(turns)
    assert clock.pace.spent <= SHARE * clock.seconds + 2 * cost


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_nothing_is_asked_of_a_few_short_turns(turns: int) -> None:
    clock = Clock(0.001, 0.001)
    clock.pace.spent = 0.001
    assert clock.run(turns) == []
