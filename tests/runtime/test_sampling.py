"""Costly measures are taken as often as the budget allows."""

import pytest

from osler.runtime.sampling import AT_FIRST, LONGEST, SHARE, TRIFLE, UNSEEN, Sampling

TURN = 2_000_000


def taken(cost: int, turns: int = 10_000, budget: float = 0.01, *, unseen: bool = False) -> list[int]:
    sampling, found = Sampling(budget, 1), []
    for turn in range(turns):
        usual = TURN if turn else 0.0
        if sampling.is_due("norm", turn, lambda now=usual: now):
            found.append(turn)
            sampling.took("norm", turn, cost, usual, unseen=unseen)
    return found


def test_the_first_turn_is_always_taken_and_one_soon_after() -> None:
    assert taken(TRIFLE)[:2] == [0, AT_FIRST]


def test_the_second_waits_until_it_can_be_afforded() -> None:
    assert taken(TRIFLE + 1)[1] == pytest.approx(TRIFLE / (SHARE * 0.01 * TURN), abs=1)
    assert taken(10**9, turns=1000) == [0]


@pytest.mark.parametrize("cost", [20_000, 100_000, 900_000])
def test_the_share_of_the_budget_is_kept(cost: int) -> None:
    spent = len(taken(cost)) * cost
    assert spent / (10_000 * TURN) == pytest.approx(SHARE * 0.01, rel=0.15, abs=2 * cost / (10_000 * TURN))


def test_what_costs_nothing_is_taken_in_every_turn() -> None:
    assert len(taken(1, turns=100)) == 100 - AT_FIRST + 1


def test_what_an_accelerator_does_is_taken_rarely_because_its_cost_is_unknown() -> None:
    assert taken(1, turns=3 * UNSEEN + 1, unseen=True) == [0, UNSEEN, 2 * UNSEEN, 3 * UNSEEN]


def test_nothing_is_given_up_for_good() -> None:
    assert len(taken(10**12, turns=2 * LONGEST + 9)) >= 3


def test_many_measures_share_the_budget() -> None:
    alone, shared = Sampling(0.01, 1), Sampling(0.01, 10)
    for sampling in (alone, shared):
        sampling.took("norm", 0, int(5 * SHARE * 0.01 * TURN), TURN, unseen=False)
    assert alone.is_due("norm", 5, lambda: TURN)
    assert not shared.is_due("norm", 49, lambda: TURN)
    assert shared.is_due("norm", 50, lambda: TURN)


def test_subjects_of_one_measure_share_it_too() -> None:
    sampling = Sampling(0.01, 1)
    for subject in range(10):
        sampling.took(f"norm:{subject}", 0, int(5 * SHARE * 0.01 * TURN), TURN, unseen=False)
    assert not sampling.is_due("norm:9", 49, lambda: TURN)
    assert sampling.is_due("norm:9", 50, lambda: TURN)


def test_measures_have_turns_of_their_own() -> None:
    sampling = Sampling(0.01, 2)
    sampling.took("norm", 0, 10**9, TURN, unseen=False)
    assert sampling.is_due("memory", 1, lambda: TURN)


def test_what_all_have_cost_adds_up() -> None:
    sampling = Sampling(0.01, 2)
    assert sampling.nanoseconds == 0
    for turn, (name, cost) in enumerate([("norm", 5), ("mean", 7), ("norm", 9)]):
        sampling.took(name, turn, cost, TURN, unseen=False)
    assert sampling.nanoseconds == 21
