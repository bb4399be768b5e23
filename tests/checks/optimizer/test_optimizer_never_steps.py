from dataclasses import replace

import pytest

from osler.checks.optimizer.optimizer_never_steps import check
from osler.model import BlindFact, Confidence, CrashFact, Event, Kind, OptimizerFact, ParameterFact, Run
from osler.testing import assert_silent, event, findings, place, run_of

BATCH = event(Kind.BATCH, "DataLoader", 10)
CLEAR = event(Kind.CLEAR, "SGD", 11)
FORWARD = event(Kind.FORWARD, "Net", 12, "grad", "train")
EVALUATE = event(Kind.FORWARD, "Net", 12, "grad", "eval")
FROZEN = event(Kind.FORWARD, "Net", 12)
LOSS = event(Kind.LOSS, "cross_entropy", 13, "grad")
BACKWARD = event(Kind.BACKWARD, "", 14)
ATTACK = event(Kind.BACKWARD, "", 14, "reaches-inputs")
SALIENCY = event(Kind.BACKWARD, "", 14, "gradient-only")
STEP = event(Kind.STEP, "SGD", 15, "fresh")
NO_GRADIENTS = event(Kind.STEP, "SGD", 15, "empty", "first-ever")
BY_HAND = event(Kind.STEP, "by hand", 15, "fresh")
SCALED = event(Kind.SCALER_STEP, "SGD", 15)
PASS_END = event(Kind.PASS_END, "DataLoader", 10)
EVAL, TRAIN = event(Kind.MODE, "Net", 4, "eval"), event(Kind.MODE, "Net", 9, "train")

SGD = OptimizerFact("SGD", (place(5),), 4, 100)
ADAM = OptimizerFact("Adam", (place(6),), 4, 100)
WEIGHT = ParameterFact("weight", "Net", 100, optimizers=("SGD",))
OTHER = ParameterFact("weight", "Other", 50, optimizers=("Adam",))
CRASH = CrashFact("ValueError", "", ())

TURN = [BATCH, CLEAR, FORWARD, LOSS, BACKWARD]
FORGOTTEN = [BATCH, FORWARD, LOSS]


def seen(turns: list[list[Event]], *parameters: ParameterFact, ended: bool = True, **facts: object) -> Run:
    defaults: dict[str, object] = {"optimizers": [SGD], "parameters": list(parameters or [WEIGHT])}
    return run_of(turns, ended=ended, **(defaults | facts))


BOTH = {"optimizers": [SGD, ADAM]}
SILENT = {
    "it steps": seen([[*TURN, STEP]] * 9),
    "not ended yet": seen([TURN] * 60, ended=False),
    "two passes of a tiny set": seen([*[TURN] * 9, [PASS_END]] * 2, ended=False),
    "a trial of the model": seen([TURN] * 2),
    "no optimizer was built": seen([TURN] * 9, optimizers=[]),
    "updates by hand": seen([[*TURN, BY_HAND]] * 9),
    "updated unseen": seen([TURN] * 9, replace(WEIGHT, updated=True)),
    "saliency maps": seen([[BATCH, FORWARD, SALIENCY]] * 9),
    "attacks on a finished model": seen([[BATCH, FORWARD, LOSS, ATTACK]] * 9),
    "gradients of another model only": seen([TURN] * 9, replace(WEIGHT, reached=False)),
    "every step was skipped by the scaler": seen([[*TURN, SCALED]] * 9),
    "part could not be watched": seen([TURN] * 9, blind=[BlindFact("Net", "it is compiled", essential=True)]),
    "accumulation over a long window": seen([*[TURN] * 99, [*TURN, STEP]]),
    "a wrapper that lets the other step": seen(
        [[*TURN, STEP]] * 9, replace(WEIGHT, optimizers=("SGD", "Adam")), **BOTH
    ),
    "a second optimizer not reached": seen(
        [[*TURN, STEP]] * 9, WEIGHT, replace(OTHER, reached=False), **BOTH
    ),
    "a warm-up of the other optimizer": seen([[*TURN, STEP]] * 99, WEIGHT, OTHER, ended=False, **BOTH),
    "no loss": seen([[BATCH, FORWARD]] * 9),
    "a frozen model": seen([[BATCH, FROZEN, LOSS]] * 9),
    "evaluation in eval mode": seen([[BATCH, EVALUATE, LOSS]] * 9),
    "evaluation of a model without Dropout": seen(
        [[EVAL], *[[BATCH, event(Kind.FORWARD, "Net", 1, "grad"), LOSS]] * 9]
    ),
    "a crash before training": seen([FORGOTTEN] * 9, crash=CRASH),
    "no backward, not ended": seen([FORGOTTEN] * 9, ended=False),
    "two losses": seen([FORGOTTEN] * 2),
    "evolution by hand": seen([[*FORGOTTEN, BY_HAND]] * 9),
}


@pytest.mark.parametrize("run", SILENT.values(), ids=SILENT.keys())
def test_stays_quiet(run: Run) -> None:
    assert_silent(run, [check])


def test_says_what_was_seen() -> None:
    (found,) = findings(seen([TURN] * 12), [check])
    assert (
        found.message
        == "`backward()` computed gradients 12 times, but `SGD` never stepped: no weight has changed."
    )
    assert (found.place.line, found.place.step, found.place.subject) == (14, 0, "SGD")
    assert [(r.place.line, r.label) for r in found.related] == [(5, "`SGD` is built here")]


def test_speaks_while_running_after_two_passes() -> None:
    assert len(findings(seen([*[TURN] * 25, [PASS_END]] * 2, ended=False), [check])) == 1


def test_several_optimizers() -> None:
    (found,) = findings(seen([TURN] * 12, **BOTH), [check])
    assert "but none of the 2 optimizers ever stepped" in found.message


@pytest.mark.parametrize(
    ("turns", "ended", "sure"), [(9, True, Confidence.CERTAIN), (100, False, Confidence.LIKELY)]
)
def test_one_of_two_never_steps(turns: int, ended: bool, sure: Confidence) -> None:
    (found,) = findings(seen([[*TURN, STEP]] * turns, WEIGHT, OTHER, ended=ended, **BOTH), [check])
    assert found.message == (
        f"`Adam` never stepped while other optimizers stepped {turns} times, "
        "although gradients reached its only trainable parameter."
    )
    assert (found.place.line, found.related[0].place.line, found.confidence) == (6, 14, sure)


def test_one_of_two_never_steps_and_part_of_it_is_reached() -> None:
    bias = replace(OTHER, name="bias", reached=False)
    (found,) = findings(seen([[*TURN, STEP]] * 9, WEIGHT, OTHER, bias, **BOTH), [check])
    assert found.message.endswith("gradients reached 1 of its 2 trainable parameters.")


def test_backward_was_never_called() -> None:
    (found,) = findings(seen([[*FORGOTTEN, NO_GRADIENTS]] * 12), [check])
    assert found.message == (
        "A loss was computed 12 times, but `backward()` was never called, so there are no gradients."
    )
    assert (found.place.line, found.confidence) == (13, Confidence.CERTAIN)
    assert [r.place.line for r in found.related] == [15, 5]
    assert found.fix == "Call `loss.backward()` before `optimizer.step()`."


def test_neither_backward_nor_step() -> None:
    (found,) = findings(seen([[TRAIN], *[FORGOTTEN] * 12]), [check])
    assert found.confidence is Confidence.LIKELY


def test_says_why_it_does_not_apply() -> None:
    assert check.applies(run_of([TURN])) == "no optimizer was built"
    blind = seen([TURN], blind=[BlindFact("Net", "it is compiled", essential=True)])
    assert check.applies(blind) == "part of the program could not be watched: it is compiled"
