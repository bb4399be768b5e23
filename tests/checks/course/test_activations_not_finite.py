from math import inf, nan

import pytest

from osler.checks.course.activations_not_finite import check
from osler.model import Kind, ModuleFact, NotFiniteFact, Run
from osler.testing import event, findings, place, run_of

BATCH = event(Kind.BATCH, "DataLoader", 10)
FORWARD = event(Kind.FORWARD, "Net", 12, "grad")
BACKWARD = event(Kind.BACKWARD, "", 13)
STEP = event(Kind.STEP, "SGD", 14, "fresh")
TRAIN = [BATCH, FORWARD, BACKWARD, STEP]
MODULE = ModuleFact("norm", "Net", "Scaled", 0, 2)


def fact(measure: str, value: float = nan, *subjects: str, line: int = 40) -> NotFiniteFact:
    return NotFiniteFact(measure, value, 3, 4, (place(line),), subjects=subjects)


def run(*facts: NotFiniteFact) -> Run:
    return run_of([TRAIN] * 9, not_finite=list(facts), modules={"Net.norm": MODULE})


LOSS = fact("loss", nan, line=13)
MADE = fact("activations", nan, "Net.norm")
SILENT = {
    "everything is finite": run(),
    "a mask: the loss is finite": run(fact("activations", inf, "Net.norm")),
    "only the loss": run(LOSS),
    "a step had written NaN into the weights": run(MADE, LOSS, fact("weights", nan, "head.bias")),
    "weights only": run(fact("weights", nan, "head.bias")),
    "weights that an earlier step broke": run(fact("weights", nan, "head.bias"), LOSS),
    "a gradient": run(fact("gradient_norm", nan, "head.bias"), LOSS),
    "a mask, and weights that are broken": run(MADE, fact("weights", nan, "head.bias")),
}


@pytest.mark.parametrize("healthy", SILENT.values(), ids=SILENT.keys())
def test_stays_quiet(healthy: Run) -> None:
    assert findings(healthy, [check]) == ()


def test_says_what_was_seen() -> None:
    (found,) = findings(run(MADE, LOSS), [check])
    assert found.message == (
        "`Net.norm` (`Scaled`) returned NaN at step 3 although its inputs and weights were finite; "
        "it is the first module that did."
    )
    assert (found.place.line, found.place.step, found.place.subject) == (40, 3, "Net.norm")
    assert [(r.place.line, r.label) for r in found.related] == [
        (13, "the loss that goes backward here is not finite")
    ]


def test_infinite_values_of_a_module_that_is_not_listed() -> None:
    (found,) = findings(run(fact("activations", inf, "Net.Other"), LOSS), [check])
    assert found.message.startswith("`Net.Other` returned infinite values at step 3")


def test_does_not_apply_without_a_model() -> None:
    assert check.applies(Run()) == "no model was called"
    assert check.applies(run()) == ""
