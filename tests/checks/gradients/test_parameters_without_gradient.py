from dataclasses import replace

import pytest

from osler.checks.gradients.parameters_without_gradient import check
from osler.model import (
    Confidence,
    CutFact,
    Event,
    Kind,
    ModelFact,
    OptimizerFact,
    ParameterFact,
    Run,
    Severity,
)
from osler.testing import assert_silent, event, findings, place, run_of

BATCH = event(Kind.BATCH, "DataLoader", 10)
CLEAR = event(Kind.CLEAR, "SGD", 11)
FORWARD = event(Kind.FORWARD, "Net", 12, "grad")
BACKWARD = event(Kind.BACKWARD, "", 13)
STEP = event(Kind.STEP, "SGD", 14, "fresh")
OTHER_STEP = event(Kind.STEP, "Adam", 20, "fresh")
PASS_END = event(Kind.PASS_END, "DataLoader", 10)
TURN = [BATCH, CLEAR, FORWARD, BACKWARD, STEP]

SGD = OptimizerFact("SGD", (place(5),), 4, 1000)
ADAM = OptimizerFact("Adam", (place(6),), 2, 50)
NET = ModelFact("Net", 1000, 1000, 5)
BODY = ParameterFact("body.weight", "Net", 900, optimizers=("SGD",))
HEAD = ParameterFact("sizes.weight", "Net", 80, optimizers=("SGD",), reached=False)
BIAS = ParameterFact("sizes.bias", "Net", 20, optimizers=("SGD",), reached=False)


def seen(
    *parameters: ParameterFact,
    turns: int = 24,
    tail: tuple[list[Event], ...] = ([PASS_END],),
    **facts: object,
) -> Run:
    defaults: dict[str, object] = {"models": [NET], "optimizers": [SGD, ADAM], "parameters": list(parameters)}
    return run_of([*[TURN] * turns, *tail], **(defaults | facts))


SILENT = {
    "all reached": seen(BODY, replace(HEAD, reached=True)),
    "frozen": seen(BODY, replace(HEAD, trainable=False)),
    "never used": seen(BODY, replace(HEAD, used=False)),
    "updated by hand": seen(BODY, replace(HEAD, updated=True)),
    "in no optimizer": seen(BODY, replace(HEAD, optimizers=())),
    "in an optimizer that never stepped": seen(BODY, replace(HEAD, optimizers=("Adam",))),
    "too few steps": seen(BODY, HEAD, turns=19),
    "too few steps at the end": seen(BODY, HEAD, turns=9, ended=True),
    "the look is old": seen(BODY, HEAD, parameters_step=5),
    "the first pass is not over": seen(BODY, HEAD, tail=()),
    "fixed network beside the model": seen(BODY, ParameterFact("w", "VGG", 999, reached=False)),
    "the generator while only the critic steps": seen(
        BODY, ParameterFact("w", "G", 9, optimizers=("Adam",), reached=False)
    ),
    "backward was never called": run_of(
        [*[[BATCH, FORWARD, STEP]] * 24, [PASS_END]], optimizers=[SGD], parameters=[BODY, HEAD]
    ),
    "no look": run_of([TURN] * 24, optimizers=[SGD]),
    "below one per cent": seen(BODY, replace(HEAD, elements=9)),
}


def test_a_model_of_which_nothing_learns_is_no_switched_off_head() -> None:
    (found,) = findings(seen(replace(BODY, used=False, reached=False), replace(HEAD, used=False)), [check])
    assert found.severity is Severity.WARNING
    assert found.message.startswith("No gradient reached 2 of 2 trainable parameters of `Net` in 24 steps")


@pytest.mark.parametrize("run", SILENT.values(), ids=SILENT.keys())
def test_stays_quiet(run: Run) -> None:
    assert_silent(run, [check])


def test_says_what_was_seen() -> None:
    (found,) = findings(seen(BODY, HEAD, BIAS), [check])
    assert found.message == (
        "No gradient reached 2 of 3 trainable parameters of `Net` in 24 steps: `sizes.weight`, `sizes.bias`. "
        "That is 10.0% of its trainable elements."
    )
    assert (found.place.line, found.place.subject, found.severity) == (13, "Net", Severity.WARNING)
    assert [r.place.line for r in found.related] == [12, 5]


def test_points_at_a_cut_on_the_way() -> None:
    (found,) = findings(seen(BODY, HEAD, cuts=[CutFact("detach", (place(8),), ("sizes.weight",))]), [check])
    assert (8, "`detach()` takes what they compute out of the graph") in [
        (r.place.line, r.label) for r in found.related
    ]


def test_judges_a_short_run_at_its_end() -> None:
    assert len(findings(seen(BODY, HEAD, turns=10, tail=(), ended=True), [check])) == 1


def test_lists_four_names() -> None:
    heads = [replace(HEAD, name=f"heads.{i}.weight") for i in range(7)]
    (found,) = findings(seen(BODY, *heads), [check])
    assert "`heads.3.weight` and 3 more." in found.message


def test_one_finding_for_each_model() -> None:
    other = ParameterFact("w", "Other", 5, optimizers=("SGD",), reached=False)
    assert [f.place.subject for f in findings(seen(BODY, HEAD, other), [check])] == ["Net", "Other"]


def test_a_small_leftover_is_a_hint() -> None:
    (found,) = findings(seen(BODY, replace(HEAD, elements=9)), [check])
    assert found.severity is Severity.HINT


def test_a_small_part_whose_output_is_taken_out_of_the_graph_is_no_leftover() -> None:
    cut = CutFact("no_grad", (place(21),), ("sizes.weight",), (place(13),))
    (found,) = findings(seen(BODY, replace(HEAD, elements=9), cuts=[cut]), [check])
    assert found.severity is Severity.WARNING
    assert "`torch.no_grad()` takes what they compute out of the graph" in [r.label for r in found.related]


def test_inside_a_compiled_model_it_is_only_possible() -> None:
    (found,) = findings(seen(BODY, HEAD, models=[replace(NET, compiled=True)]), [check])
    assert (found.severity, found.confidence) == (Severity.HINT, Confidence.POSSIBLE)


def test_the_only_parameter_of_a_model() -> None:
    (found,) = findings(seen(BODY, ParameterFact("w", "G", 9, optimizers=("SGD",), reached=False)), [check])
    assert found.message == (
        "No gradient reached the only trainable parameter of `G` in 24 steps: `w`. "
        "That is 100.0% of its trainable elements."
    )


def test_a_tensor_outside_of_models() -> None:
    loose = ParameterFact("w", "", 9, optimizers=("SGD",), reached=False)
    (found,) = findings(seen(BODY, loose, replace(loose, name="v", reached=True)), [check])
    assert found.message == (
        "No gradient reached 1 of 2 trainable parameters in 24 steps: `w`. "
        "That is 50.0% of the trainable elements."
    )


IDLE = replace(HEAD, used=False)


def test_layers_that_are_never_called_are_a_hint_at_the_end() -> None:
    run = seen(BODY, replace(IDLE, since=2), replace(BIAS, used=False), ended=True)
    (found,) = findings(run, [check])
    assert found.message == (
        "2 trainable parameters of `Net` got no gradient because their layer was never called: "
        "`sizes.weight`, `sizes.bias`."
    )
    assert found.severity is Severity.HINT
    assert (found.place.line, found.place.step, found.place.subject) == (12, 2, "Net")
    assert [(r.place.line, r.label) for r in found.related] == [
        (5, "the optimizer that holds them is built here")
    ]
    assert [(e.measure, e.value) for e in found.evidence] == [("elements never used", 100)]
    assert found.fix == "Call these layers in `forward()`, or remove them."


def test_one_parameter_that_is_never_called() -> None:
    (found,) = findings(seen(BODY, IDLE, ended=True), [check])
    assert found.message == (
        "1 trainable parameter of `Net` got no gradient because its layer was never called: `sizes.weight`."
    )


def test_several_layers_that_are_never_called() -> None:
    (found,) = findings(seen(BODY, IDLE, replace(IDLE, name="places.weight"), ended=True), [check])
    assert "because their layers were never called: `sizes.weight`, `places.weight`." in found.message


def test_layers_beside_those_that_get_no_gradient_are_told_apart() -> None:
    found = findings(seen(BODY, IDLE, BIAS, ended=True), [check])
    assert [f.severity for f in found] == [Severity.WARNING, Severity.HINT]


NOT_IDLE = {
    "the run goes on": seen(BODY, IDLE),
    "a gradient reached it": seen(BODY, replace(IDLE, reached=True), ended=True),
    "updated by hand": seen(BODY, replace(IDLE, updated=True), ended=True),
    "frozen": seen(BODY, replace(IDLE, trainable=False), ended=True),
    "in no optimizer": seen(BODY, replace(IDLE, optimizers=()), ended=True),
    "in an optimizer that never stepped": seen(BODY, replace(IDLE, optimizers=("Adam",)), ended=True),
    "too few steps": seen(BODY, IDLE, turns=9, ended=True),
}


@pytest.mark.parametrize("run", NOT_IDLE.values(), ids=NOT_IDLE.keys())
def test_says_nothing_about_layers_that_may_still_be_called(run: Run) -> None:
    assert findings(run, [check]) == ()


def test_both_optimizers_step() -> None:
    run = seen(BODY, replace(HEAD, optimizers=("Adam",)), tail=([OTHER_STEP], [PASS_END]))
    assert len(findings(run, [check])) == 1


def test_a_network_that_is_only_called_where_gradients_are_switched_off() -> None:
    unrecorded = event(Kind.FORWARD, "G", 30, "no-grad")
    step = event(Kind.STEP, "Adam", 20, "fresh")
    turn = [BATCH, CLEAR, unrecorded, FORWARD, BACKWARD, STEP, step]
    weight = ParameterFact("w", "G", 50, optimizers=("Adam",), reached=False)
    run = run_of([*[turn] * 24, [PASS_END]], models=[NET], optimizers=[SGD, ADAM], parameters=[BODY, weight])
    (found,) = findings(run, [check])
    assert found.place.line == 30
    assert found.message == (
        "No gradient reached the only trainable parameter of `G` in 48 steps: `w`. That is 100.0% of its "
        "trainable elements. Gradients are switched off wherever it is called."
    )
    assert found.fix == "Call it outside of `torch.no_grad()` where it is to learn."
