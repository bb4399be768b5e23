"""Events, and the patterns they make."""

import pytest

from osler.model import Event, Kind, Pattern, Place, turns
from osler.testing import event, place

FORWARD = event(Kind.FORWARD, "Net", 11, "grad", "train")
SCORE = event(Kind.FORWARD, "Net", 31, "no-grad", "eval")
LOSS = event(Kind.LOSS, "mse_loss", 12, "grad")
BACKWARD = event(Kind.BACKWARD, "", 13)
GRADIENT_ONLY = event(Kind.BACKWARD, "", 33, "gradient-only")
STEP = event(Kind.STEP, "SGD", 14, "fresh")
CLEAR = event(Kind.CLEAR, "SGD", 15)


def pattern(*events: Event, step: int = 0, count: int = 1) -> Pattern:
    return Pattern(events, count=count, step=step)


def test_events_are_told_apart_by_identity() -> None:
    assert event(Kind.STEP, "SGD", 14) != event(Kind.STEP, "SGD", 14)
    assert len({STEP, STEP}) == 1


def test_the_place_is_the_innermost_line() -> None:
    assert Event(Kind.STEP, "SGD", (place(3), place(9))).place == place(3)
    assert Event(Kind.STEP, "SGD").place == Place()


def test_a_forward_and_its_use_share_the_call() -> None:
    used = event(Kind.USED, "Net", 11, "grad", "train")
    assert FORWARD.call == used.call
    assert FORWARD.call != SCORE.call


@pytest.mark.parametrize("mode", ["train", "eval", "mixed"])
def test_mode(mode: str) -> None:
    assert event(Kind.FORWARD, "Net", 11, "grad", mode).mode == mode


def test_a_model_without_dropout_and_batchnorm_has_no_mode() -> None:
    assert event(Kind.FORWARD, "Net", 11, "grad").mode == ""


@pytest.mark.parametrize(
    ("seen", "backward", "recorded", "trains"),
    [
        (BACKWARD, True, False, True),
        (GRADIENT_ONLY, False, False, True),
        (FORWARD, False, True, False),
        (LOSS, False, True, False),
        (event(Kind.FORWARD, "Net", 11), False, True, False),
        (SCORE, False, False, False),
        (event(Kind.LOSS, "mse_loss", 32, "no-grad"), False, False, False),
        (STEP, False, False, True),
        (CLEAR, False, False, False),
    ],
)
def test_what_an_event_does(seen: Event, backward: bool, recorded: bool, trains: bool) -> None:
    assert (seen.is_backward, seen.is_recorded, seen.trains) == (backward, recorded, trains)


def test_rows_of_turns() -> None:
    row = pattern(count=0)
    for turn in (0, 1, 2, 5, 6):
        row.seen(turn)
    assert (row.count, row.last, row.streak, row.longest) == (5, 6, 2, 3)


def test_events_of_a_kind() -> None:
    turn = pattern(FORWARD, BACKWARD, SCORE)
    assert turn.of(Kind.FORWARD) == (FORWARD, SCORE)
    assert turn.of(Kind.STEP) == ()


def test_times() -> None:
    turn = pattern(FORWARD, FORWARD, STEP, count=5)
    assert [turn.times(e) for e in (FORWARD, STEP, CLEAR)] == [10, 5, 0]


def test_backwards_leave_gradients() -> None:
    assert pattern(GRADIENT_ONLY, BACKWARD, STEP).backwards == (BACKWARD,)


def test_a_turn_trains_if_something_in_it_does() -> None:
    assert pattern(FORWARD, GRADIENT_ONLY).trains
    assert pattern(STEP).trains
    assert not pattern(FORWARD, LOSS, CLEAR).trains


@pytest.mark.parametrize(
    ("events", "unfinished"),
    [
        ((FORWARD, BACKWARD), True),
        ((BACKWARD, STEP), False),
        ((STEP, BACKWARD, CLEAR), True),
        ((BACKWARD, STEP, GRADIENT_ONLY), False),
        ((FORWARD,), False),
        ((), False),
    ],
)
def test_a_turn_whose_backward_no_step_follows_is_unfinished(
    events: tuple[Event, ...], unfinished: bool
) -> None:
    assert pattern(*events).unfinished is unfinished


def test_its_own_steps_do_not_lie_before_a_turn() -> None:
    assert pattern(STEP, BACKWARD, STEP, step=7).steps_before == 5
    assert pattern(BACKWARD, step=7).steps_before == 7


def test_around_is_the_turn_as_a_circle() -> None:
    turn = pattern(FORWARD, BACKWARD, STEP, CLEAR)
    assert turn.around(1) == (STEP, CLEAR, FORWARD)
    assert turn.around(3) == (FORWARD, BACKWARD, STEP)
    assert pattern(STEP).around(0) == ()


@pytest.mark.parametrize(
    ("events", "late"),
    [
        ((FORWARD, LOSS, STEP, BACKWARD), True),
        ((BACKWARD, FORWARD, STEP), True),
        ((STEP, BACKWARD, CLEAR, FORWARD), True),
        ((FORWARD, BACKWARD, STEP), False),
        ((FORWARD, BACKWARD, SCORE, STEP), False),
        ((FORWARD, STEP, GRADIENT_ONLY), False),
        ((STEP, BACKWARD), False),
        ((STEP,), False),
    ],
)
def test_a_backward_behind_the_step_is_late(events: tuple[Event, ...], late: bool) -> None:
    assert pattern(*events).late_backward(events.index(STEP)) is (BACKWARD if late else None)


def test_turns_of_several_patterns() -> None:
    assert turns([pattern(STEP, count=3), pattern(CLEAR, count=4)]) == 7
    assert turns([]) == 0
