"""What is learned about a program from its events."""

import pytest

from osler.engine.context import derive
from osler.model import Context, Event, Kind, ModelFact, ParameterFact, Run
from osler.testing import event, run_of

BATCH = event(Kind.BATCH, "DataLoader", 10)
VAL_BATCH = event(Kind.BATCH, "DataLoader 2", 30)
FORWARD = event(Kind.FORWARD, "Net", 11, "grad")
SCORE = event(Kind.FORWARD, "Net", 31, "no-grad")
BACKWARD = event(Kind.BACKWARD, "", 13)
STEP = event(Kind.STEP, "SGD", 14, "fresh")
OTHER_STEP = event(Kind.STEP, "Adam", 24, "fresh")
BY_HAND = event(Kind.STEP, "by hand", 0, "fresh")
SCALED = event(Kind.SCALER_STEP, "SGD", 14)
TURN = [BATCH, FORWARD, BACKWARD, STEP]


def test_nothing_is_known_of_an_empty_run() -> None:
    assert derive(Run()) == Context()


def test_optimizers_and_hands() -> None:
    context = derive(run_of([[STEP, OTHER_STEP, BY_HAND]]))
    assert context.optimizers == ("Adam", "SGD")
    assert context.by_hand
    assert not derive(run_of([TURN])).by_hand


@pytest.mark.parametrize(
    ("turns", "period"),
    [
        ([TURN] * 9, 1),
        ([[BATCH, BACKWARD], [BATCH, BACKWARD], [BATCH, BACKWARD], TURN] * 5, 4),
        ([[BATCH, BACKWARD, BACKWARD, STEP]] * 5, 2),
        ([*[[BATCH, BACKWARD], TURN] * 9, TURN], 2),
        ([[STEP]] * 3, 1),
    ],
)
def test_accumulation(turns: list[list[Event]], period: int) -> None:
    assert derive(run_of(turns)).accumulation == {"SGD": period}


def test_a_stored_pattern_whose_count_was_lost() -> None:
    run = run_of([TURN])
    run.patterns[0].count = 0
    assert derive(run).accumulation == {"SGD": 1}


def test_flags() -> None:
    closure = event(Kind.STEP, "LBFGS", 14, "fresh", "closure")
    assert derive(run_of([[BATCH, closure]])).closure
    assert derive(run_of([[BATCH, SCALED, STEP]])).scaler
    assert derive(run_of([[VAL_BATCH, SCORE]])).evaluates
    assert derive(run_of(models=[ModelFact("Net", 9, 9, 1, compiled=True)])).compiled
    plain = derive(run_of([TURN], models=[ModelFact("Net", 9, 9, 1)]))
    assert [plain.closure, plain.scaler, plain.evaluates, plain.compiled] == [False] * 4


def test_training_loaders_are_those_whose_batches_go_backward() -> None:
    assert derive(run_of([TURN, [VAL_BATCH, SCORE]])).training_loaders == {"DataLoader"}


def test_evaluation_loaders_are_those_whose_batches_only_go_forward_unrecorded() -> None:
    mixed = [event(Kind.BATCH, "rollouts", 50), SCORE, FORWARD, BACKWARD, STEP]
    assert derive(run_of([TURN, [VAL_BATCH, SCORE], mixed])).evaluation_loaders == {"DataLoader 2"}


def test_frozen_and_tied_parameters_are_named() -> None:
    parameters = [
        ParameterFact("embed.weight", "Net", 9, optimizers=("SGD",), aliases=("head.weight",)),
        ParameterFact("body.weight", "Net", 9, trainable=False, reached=False),
    ]
    context = derive(run_of([TURN], parameters=parameters))
    assert context.frozen == {"Net.body.weight"}
    assert context.tied == (("Net.embed.weight", "head.weight"),)


def test_copies_follow_a_trained_model_with_the_same_parameters() -> None:
    models = [ModelFact(name, 9, 9, 1) for name in ("Net", "Net 2", "Critic")]
    parameters = [
        ParameterFact("w", "Net", 9, optimizers=("SGD",)),
        ParameterFact("w", "Net 2", 9, reached=False, trainable=False),
        ParameterFact("w", "Critic", 7, reached=False),
    ]
    assert derive(run_of([TURN], models=models, parameters=parameters)).copies == {"Net 2": "Net"}
    player = [*parameters[:1], ParameterFact("w", "Net 2", 9, optimizers=("Adam",))]
    assert derive(run_of([TURN], models=models, parameters=player)).copies == {}


def test_models_are_trained_if_some_reached_parameter_is_stepped() -> None:
    parameters = [
        ParameterFact("w", "Net", 9, optimizers=("SGD",)),
        ParameterFact("w", "Teacher", 9, updated=True),
        ParameterFact("w", "Frozen", 9),
        ParameterFact("w", "Idle", 9, optimizers=("SGD",), reached=False),
        ParameterFact("w", "", 9, optimizers=("SGD",)),
    ]
    assert derive(run_of([TURN], parameters=parameters)).trained == {"Net", "Teacher"}
