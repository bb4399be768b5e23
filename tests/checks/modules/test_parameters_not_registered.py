from dataclasses import replace

import pytest

from osler.checks.modules.parameters_not_registered import check
from osler.model import Kind, ModelFact, OptimizerFact, ParameterFact, Run
from osler.testing import assert_silent, event, findings, place, run_of

BATCH = event(Kind.BATCH, "DataLoader", 10)
FORWARD = event(Kind.FORWARD, "Tower", 12, "grad")
BACKWARD = event(Kind.BACKWARD, "", 14)
STEP = event(Kind.STEP, "SGD", 15, "fresh")
TURN = [BATCH, FORWARD, BACKWARD, STEP]

SGD = OptimizerFact("SGD", (place(5),), 4, 100)
TOWER = ModelFact("Tower", 60, 60, 3)
HEAD = ParameterFact("head.weight", "Tower", 60, optimizers=("SGD",))
LAYER = ParameterFact("layers[0].weight", "Tower", 30, registered=False, site=(place(7),))
BIAS = ParameterFact("layers[0].bias", "Tower", 10, registered=False)


def seen(*parameters: ParameterFact, turns: int = 5, **facts: object) -> Run:
    return run_of([TURN] * turns, models=[TOWER], optimizers=[SGD], parameters=list(parameters), **facts)


SILENT = {
    "all registered": seen(HEAD, replace(LAYER, registered=True)),
    "passed to an optimizer": seen(HEAD, replace(LAYER, optimizers=("SGD",))),
    "updated by hand": seen(HEAD, replace(LAYER, updated=True)),
    "a frozen network hidden in a list": seen(HEAD, replace(LAYER, trainable=False)),
    "never used with gradients": seen(HEAD, replace(LAYER, used=False)),
    "no gradient reaches it": seen(HEAD, replace(LAYER, reached=False)),
    "a tensor outside every module": seen(HEAD, replace(LAYER, model="")),
    "two steps": seen(HEAD, LAYER, turns=2),
    "an old look": seen(HEAD, LAYER, parameters_step=2),
    "no look": run_of([TURN] * 9, models=[TOWER]),
}


@pytest.mark.parametrize("run", SILENT.values(), ids=SILENT.keys())
def test_stays_quiet(run: Run) -> None:
    assert_silent(run, [check])


def test_says_what_was_seen() -> None:
    (found,) = findings(seen(HEAD, LAYER, BIAS), [check])
    assert found.message == (
        "2 parameters of `Tower` are missing from `parameters()`: `layers[0].weight`, `layers[0].bias`. "
        "Gradients reach these 40 elements, but no optimizer holds them."
    )
    assert (found.place.line, found.place.subject) == (7, "Tower")
    assert [(r.place.line, r.label) for r in found.related] == [
        (12, "`Tower` is called here"),
        (5, "the optimizer is built without them"),
    ]
    assert [(e.value, e.expected) for e in found.evidence] == [(40, "0"), (60, "100")]


def test_without_a_line_the_call_of_the_model_is_the_place() -> None:
    (found,) = findings(seen(HEAD, BIAS), [check])
    assert found.place.line == 12
    assert found.message.startswith(
        "1 parameter of `Tower` is missing from `parameters()`: `layers[0].bias`."
    )


def test_a_single_number() -> None:
    (found,) = findings(seen(HEAD, replace(BIAS, elements=1)), [check])
    assert found.message.endswith("Gradients reach this element, but no optimizer holds it.")


def test_one_finding_for_each_model() -> None:
    other = replace(LAYER, model="Other")
    assert [f.place.subject for f in findings(seen(LAYER, other), [check])] == ["Tower", "Other"]


def test_lists_four_names() -> None:
    layers = [replace(LAYER, name=f"layers[{i}].weight") for i in range(6)]
    (found,) = findings(seen(*layers), [check])
    assert "`layers[3].weight` and 2 more." in found.message


def test_says_why_it_does_not_apply() -> None:
    assert check.applies(run_of([TURN])) == "no model was called"
