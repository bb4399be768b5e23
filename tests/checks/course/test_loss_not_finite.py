from array import array
from math import inf, nan

import pytest

from osler.checks.course.loss_not_finite import AT_START, SUDDEN, TOO_LARGE, check
from osler.model import Column, Event, Kind, NotFiniteFact, OptimizerFact, Run, Severity
from osler.testing import event, findings, place, run_of

BATCH = event(Kind.BATCH, "DataLoader", 10)
LOSS = event(Kind.LOSS, "mse_loss", 12, "grad")
SCORE = event(Kind.LOSS, "mse_loss", 32, "no-grad")
BACKWARD = event(Kind.BACKWARD, "", 13)
STEP = event(Kind.STEP, "SGD", 14, "fresh")
SCALED = event(Kind.SCALER_STEP, "SGD", 14)
TRAIN = [BATCH, LOSS, BACKWARD, STEP]
OPTIMIZERS = [OptimizerFact("SGD", (place(5),), 2, 9), OptimizerFact("Adam", (place(6),), 2, 9)]


def fact(value: float = nan, step: int = 14, **more: object) -> NotFiniteFact:
    known = {"measure": "loss", "value": value, "step": step, "backward": step + 1, "site": BACKWARD.site}
    return NotFiniteFact(**(known | {"first_finite": 2.31, "last_finite": 8.1e17} | more))


def run(found: NotFiniteFact | None, turn: list[Event] = TRAIN, count: int = 20, **facts: object) -> Run:
    known = {"not_finite": [found] if found else [], "optimizers": OPTIMIZERS}
    return run_of([turn] * count, **(known | facts))


def losses(*values: float) -> dict[str, Column]:
    return {"loss": Column(array("q", range(len(values))), array("d", values))}


SCALING = [BATCH, LOSS, BACKWARD, SCALED, STEP]

SILENT = {
    "finite": run(None),
    "another measure": run(fact(measure="gradient_norm")),
    "an overflow that the scaler got over": run(
        fact(inf), SCALING, 40, columns=losses(2.0, inf, 1.9), ended=True
    ),
    "an overflow that the scaler may get over": run(fact(inf), SCALING, 20, columns=losses(2.0, inf)),
    "a mask": run(fact(inf, measure="activations")),
    "weights, whose own check speaks": run(fact(measure="weights")),
    "a huge loss": run(None, columns=losses(2.0, 3e38)),
}


@pytest.mark.parametrize("healthy", SILENT.values(), ids=SILENT.keys())
def test_stays_quiet(healthy: Run) -> None:
    assert findings(healthy, [check]) == ()


def test_says_what_was_seen() -> None:
    (found,) = findings(run(fact()), [check])
    assert found.message == (
        "The loss became NaN at step 14; it was 2.31 at the start and 8.1e+17 one step earlier."
    )
    assert found.severity is Severity.ERROR
    assert (found.place.line, found.place.step) == (12, 14)
    assert [(r.place.line, r.label) for r in found.related] == [
        (13, "backward starts here"),
        (5, "`SGD` is built here"),
    ]


MESSAGES = {
    "infinite": (
        fact(inf),
        "The loss became infinite at step 14; it was 2.31 at the start and 8.1e+17 one step earlier.",
    ),
    "minus infinity": (
        fact(-inf, last_finite=-3e38),
        "The loss became minus infinity at step 14; it was 2.31 at the start and -3e+38 one step earlier.",
    ),
    "several backward calls per step": (
        fact(backward=60),
        "The loss became NaN at step 14; it was 2.31 at the start and 8.1e+17 just before.",
    ),
    "never finite": (
        fact(step=0, first_finite=None, last_finite=None),
        "The loss was NaN from the first backward on.",
    ),
}


@pytest.mark.parametrize(("seen", "message"), MESSAGES.values(), ids=MESSAGES.keys())
def test_tells_its_history(seen: NotFiniteFact, message: str) -> None:
    assert [f.message for f in findings(run(seen), [check])] == [message]


ADVICE = {
    "it grew": (fact(), TOO_LARGE),
    "it fell without limit": (fact(-inf, last_finite=-3e38), TOO_LARGE),
    "it was there from the start": (fact(step=0, first_finite=None, last_finite=None), AT_START),
    "it came out of nothing": (fact(last_finite=1.9), SUDDEN),
    "it was merely noisy": (fact(last_finite=20.0), SUDDEN),
}


@pytest.mark.parametrize(("seen", "fix"), ADVICE.values(), ids=ADVICE.keys())
def test_advises_by_its_history(seen: NotFiniteFact, fix: str) -> None:
    assert [f.fix for f in findings(run(seen), [check])] == [fix]


PLACES = {
    "no loss function was seen": (run(fact(), [BATCH, BACKWARD, STEP]), 13),
    "only an evaluated loss": (run(fact(), [BATCH, SCORE, BACKWARD, STEP]), 13),
    "the last of several losses": (
        run(fact(), [BATCH, event(Kind.LOSS, "l1_loss", 8, "grad"), *TRAIN[1:]]),
        12,
    ),
    "no turn is known yet": (run(fact(), TRAIN, 0), 13),
}


@pytest.mark.parametrize(("sick", "line"), PLACES.values(), ids=PLACES.keys())
def test_points_at_the_loss_if_the_turn_shows_it(sick: Run, line: int) -> None:
    assert [f.place.line for f in findings(sick, [check])] == [line]


def test_a_later_kind_of_turn_is_not_blamed() -> None:
    later = [BATCH, event(Kind.LOSS, "l1_loss", 40, "grad"), BACKWARD, STEP]
    sick = run_of([*[TRAIN] * 20, *[later] * 9], not_finite=[fact()])
    assert [f.place.line for f in findings(sick, [check])] == [12]


SCALER = {
    "NaN": run(fact(nan), SCALING, columns=losses(2.0, nan, 1.9)),
    "it stays infinite": run(fact(inf), SCALING, 40, columns=losses(2.0, inf, inf)),
    "it stays infinite until the end": run(fact(inf), SCALING, 20, columns=losses(2.0, inf, inf), ended=True),
    "the values are not known": run(fact(inf), SCALING, 40),
}


@pytest.mark.parametrize("sick", SCALER.values(), ids=SCALER.keys())
def test_a_scaler_excuses_only_what_it_can_repair(sick: Run) -> None:
    assert len(findings(sick, [check])) == 1


def test_does_not_apply_without_backward() -> None:
    assert check.applies(Run()) == "no backward was seen"
    assert check.applies(run(None)) == ""
