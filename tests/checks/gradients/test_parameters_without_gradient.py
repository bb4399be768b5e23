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
    assert (8, "`detach` takes what they compute out of the graph") in [
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


def test_inside_a_compiled_model_it_is_only_possible() -> None:
    (found,) = findings(seen(BODY, HEAD, models=[replace(NET, compiled=True)]), [check])
    assert (found.severity, found.confidence) == (Severity.HINT, Confidence.POSSIBLE)


def test_both_optimizers_step() -> None:
    run = seen(BODY, replace(HEAD, optimizers=("Adam",)), tail=([OTHER_STEP], [PASS_END]))
    assert len(findings(run, [check])) == 1
