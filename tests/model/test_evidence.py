"""The questions that checks ask of a run."""

from dataclasses import replace

import pytest

from osler.model import Kind, LossInputFact, OptimizerFact, ParameterFact, Pattern, Run
from osler.testing import event, place, run_of

BATCH = event(Kind.BATCH, "DataLoader", 10)
FORWARD = event(Kind.FORWARD, "Net", 11, "grad")
OTHER = event(Kind.FORWARD, "Critic", 21, "grad")
SCORE = event(Kind.FORWARD, "Net", 31, "no-grad")
USED = event(Kind.USED, "Net", 11, "grad")
LOSS = event(Kind.LOSS, "mse_loss", 12, "grad")
SCORE_LOSS = event(Kind.LOSS, "mse_loss", 12, "no-grad")
BACKWARD, SECOND = event(Kind.BACKWARD, "", 13), event(Kind.BACKWARD, "", 23)
STEP, OTHER_STEP = event(Kind.STEP, "SGD", 14, "fresh"), event(Kind.STEP, "Adam", 24, "fresh")
SCALED = event(Kind.SCALER_STEP, "SGD", 14)
TURN = [BATCH, FORWARD, LOSS, BACKWARD, USED, STEP]

SGD, ADAM = OptimizerFact("SGD", (place(5),), 4, 100), OptimizerFact("Adam", (place(6),), 4, 100)
WEIGHT = ParameterFact("body.weight", "Net", 60, optimizers=("SGD",))
BIAS = ParameterFact("body.bias", "Net", 20, optimizers=("SGD",))
CRITIC = ParameterFact("weight", "Critic", 20, optimizers=("Adam",))


def test_events_come_once_for_each_pattern() -> None:
    run = run_of([TURN, TURN, [BATCH, FORWARD, FORWARD]])
    assert [(e, p.count) for e, p in run.events(Kind.FORWARD)] == [(FORWARD, 2), (FORWARD, 1)]


def test_of_gives_distinct_events_in_order() -> None:
    run = run_of([TURN, [SCORE, OTHER, FORWARD], TURN])
    assert run.of(Kind.FORWARD) == (FORWARD, SCORE, OTHER)
    assert run.of(Kind.FORWARD, "Net") == (FORWARD, SCORE)
    assert run.of(Kind.FORWARD, "Nobody") == run.of(Kind.CLIP) == ()


def test_subjects_come_in_order() -> None:
    run = run_of([[OTHER_STEP, STEP], [STEP, OTHER_STEP]])
    assert run.subjects(Kind.STEP) == ("Adam", "SGD")
    assert run.subjects(Kind.CLEAR) == ()


def test_count_sums_over_patterns() -> None:
    run = run_of([TURN, TURN, [FORWARD, FORWARD]])
    assert [run.count(e) for e in (FORWARD, STEP, OTHER)] == [4, 2, 0]


def test_the_usual_site_is_that_of_the_most_frequent_event() -> None:
    run = run_of([[SCORE], *[TURN] * 3, [OTHER]])
    assert run.usual_site(run.of(Kind.FORWARD)) == FORWARD.site
    assert run.usual_site(run.of(Kind.FORWARD, "Critic")) == OTHER.site
    assert run.usual_site([]) == ()


def test_the_first_of_equally_frequent_events_has_the_usual_site() -> None:
    run = run_of([[SCORE, FORWARD]])
    assert run.usual_site(run.of(Kind.FORWARD)) == SCORE.site


def test_steps_of_an_optimizer() -> None:
    run = run_of([*[[STEP, STEP, OTHER_STEP]] * 4, [STEP]])
    assert [run.steps_of(name) for name in ("SGD", "Adam", "AdamW")] == [9, 4, 0]


@pytest.mark.parametrize(("steps", "skipped"), [(9, 1), (10, 0), (11, 0)])
def test_steps_that_the_scaler_skipped(steps: int, skipped: int) -> None:
    run = run_of([*[[BATCH, SCALED]] * 10, *[[STEP]] * steps])
    assert run.skipped_steps_of("SGD") == skipped
    assert run.skipped_steps_of("Adam") == 0


GAME = [BATCH, FORWARD, BACKWARD, STEP, OTHER, SECOND, OTHER_STEP]


def test_who_steps_on_a_backward() -> None:
    run = run_of([GAME])
    assert run.stepping_on(BACKWARD.site) == {"SGD"}
    assert run.stepping_on(SECOND.site) == {"Adam"}
    assert run.stepping_on((place(99),)) == frozenset()


def test_the_step_may_open_the_next_turn() -> None:
    assert run_of([[STEP, FORWARD, BACKWARD]]).stepping_on(BACKWARD.site) == {"SGD"}


def test_several_may_step_on_one_backward() -> None:
    assert run_of([[BACKWARD, STEP, OTHER_STEP]]).stepping_on(BACKWARD.site) == {"SGD", "Adam"}


def test_what_clearing_clears() -> None:
    run = run_of([GAME], optimizers=[SGD, ADAM], parameters=[WEIGHT, CRITIC])
    assert [run.clears(subject, "SGD") for subject in ("SGD", "Net", "Adam", "Critic")] == [
        True,
        True,
        False,
        False,
    ]


def test_what_is_not_known_may_clear_anything() -> None:
    run = run_of([GAME], optimizers=[SGD, ADAM], parameters=[WEIGHT, CRITIC])
    assert run.clears("Backbone", "SGD")
    assert run_of([GAME]).clears("Net", "SGD")
    assert not run_of([GAME]).clears("Adam", "SGD")


def test_steps_at_the_look_are_those_that_cannot_have_come_later() -> None:
    run = run_of([[STEP, OTHER_STEP]] * 10, parameters=[WEIGHT], parameters_step=18)
    assert (run.steps_at_look("SGD"), run.steps_at_look("AdamW")) == (8, -2)
    assert run_of([TURN] * 10, parameters=[WEIGHT]).steps_at_look("SGD") == 10


def test_parameters_of_a_model() -> None:
    frozen = replace(BIAS, trainable=False)
    hidden = replace(BIAS, name="list[0]", registered=False)
    run = run_of(parameters=[WEIGHT, frozen, hidden, CRITIC])
    assert run.parameters_of("Net") == [WEIGHT, hidden]
    assert run.parameters_of("Nobody") == []


def test_share_of_the_models() -> None:
    run = run_of(parameters=[WEIGHT, BIAS, CRITIC])
    assert run.share_of([BIAS]) == (20, 80)
    assert run.share_of([BIAS, CRITIC]) == (40, 100)


def test_a_share_can_always_be_divided() -> None:
    assert Run().share_of([WEIGHT]) == (60, 1)


def test_where_the_holder_was_built() -> None:
    run = run_of(optimizers=[SGD])
    assert run.holder_site(WEIGHT) == SGD.site
    assert run.holder_site(replace(WEIGHT, optimizers=("Adam", "SGD"))) == SGD.site
    assert run.holder_site(CRITIC) == run.holder_site(replace(WEIGHT, optimizers=())) == ()


def test_forwards_that_were_used() -> None:
    run = run_of([TURN, [SCORE]])
    assert FORWARD.call in run.used()
    assert SCORE.call not in run.used()


def test_models_are_trained_by_steps_or_backwards() -> None:
    assert run_of([TURN], parameters=[CRITIC]).trained() == {"Net", "Critic"}
    assert run_of([[FORWARD]]).trained() == frozenset()


def rows_of(function: str = "mse_loss", line: int = 12) -> LossInputFact:
    return LossInputFact(function, (place(line),), 64, 0, 0, 64, 4, 0.0, 1.0, 1.0, 1.0)


def test_inputs_of_a_function() -> None:
    here, there, other = rows_of(), rows_of(line=99), rows_of("nll_loss")
    assert run_of(losses=[here, other, there]).inputs_of("mse_loss") == [here, there]


def test_steps_before_a_loss_was_first_computed() -> None:
    warmup = [[BATCH, BACKWARD, STEP]] * 5
    run = run_of([*warmup, TURN, TURN])
    assert run.steps_before(rows_of()) == 5
    assert run.steps_before(rows_of(line=99)) is None
    assert run.steps_before(rows_of("nll_loss")) is None


def test_a_loss_without_gradient_does_not_count() -> None:
    assert run_of([[BATCH, SCORE_LOSS], TURN, TURN]).steps_before(rows_of()) == 0
    assert run_of([[BATCH, SCORE_LOSS]]).steps_before(rows_of()) is None


def test_an_empty_run_answers() -> None:
    run = Run(patterns=[Pattern(())])
    assert run.of(Kind.STEP) == run.subjects(Kind.STEP) == ()
    assert (run.steps_of("SGD"), run.used(), run.trained()) == (0, frozenset(), frozenset())
