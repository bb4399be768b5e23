from dataclasses import replace

import pytest

from osler.checks.optimizer.parameters_missing_from_optimizer import check
from osler.model import Kind, OptimizerFact, ParameterFact, Run, Severity
from osler.testing import assert_silent, event, findings, place, run_of

BATCH = event(Kind.BATCH, "DataLoader", 10)
FORWARD = event(Kind.FORWARD, "Net", 12, "grad")
BACKWARD = event(Kind.BACKWARD, "", 14)
STEP = event(Kind.STEP, "SGD", 15, "fresh")
OTHER_STEP = event(Kind.STEP, "Adam", 16, "fresh")
TURN = [BATCH, FORWARD, BACKWARD, STEP]

SGD = OptimizerFact("SGD", (place(5),), 4, 100)
ADAM = OptimizerFact("Adam", (place(6),), 4, 100)
BODY = ParameterFact("body.weight", "Net", 60, optimizers=("SGD",))
HEAD = ParameterFact("head.weight", "Net", 30)
BIAS = ParameterFact("head.bias", "Net", 10)


def seen(*parameters: ParameterFact, turns: int = 5, **facts: object) -> Run:
    return run_of([TURN] * turns, optimizers=[SGD, ADAM], parameters=list(parameters), **facts)


SILENT = {
    "all held": seen(BODY, replace(HEAD, optimizers=("SGD",))),
    "held by another optimizer": seen(BODY, replace(HEAD, optimizers=("Adam",))),
    "frozen": seen(BODY, replace(HEAD, trainable=False)),
    "no gradient": seen(BODY, replace(HEAD, reached=False)),
    "updated by hand": seen(BODY, replace(HEAD, updated=True)),
    "not registered, which is another problem": seen(BODY, replace(HEAD, registered=False)),
    "a fixed network beside the model": seen(BODY, replace(HEAD, model="VGG"), replace(BIAS, model="VGG")),
    "the other player of a game": seen(BODY, ParameterFact("w", "D", 99, optimizers=("Adam",))),
    "an input that is optimized": seen(BODY, ParameterFact("image", "", 99)),
    "two steps": seen(BODY, HEAD, turns=2),
    "an old look": seen(BODY, HEAD, turns=9, parameters_step=2),
    "its optimizer never stepped": seen(replace(BODY, optimizers=("Adam",)), HEAD),
    "its optimizer is gone": seen(replace(BODY, optimizers=("AdamW",)), HEAD),
}


OTHER_TURN = [BATCH, FORWARD, BACKWARD, OTHER_STEP]
LATE = replace(ADAM, born=10)
THAWED = replace(BODY, unfrozen=20)


def in_phases(*parameters: ParameterFact, later: int = 60, first: int = 10, last: int = 0) -> Run:
    """SGD steps for so many turns, then Adam, then perhaps SGD again."""
    turns = [TURN] * first + [OTHER_TURN] * later + [TURN] * last
    return run_of(turns, optimizers=[SGD, LATE], parameters=list(parameters))


SILENT |= {
    "unfrozen and held by who steps": in_phases(replace(THAWED, optimizers=("Adam", "SGD"))),
    "unfrozen, and its optimizer steps again": in_phases(THAWED, last=1),
    "unfrozen a moment ago": in_phases(THAWED, later=25),
    "frozen still": in_phases(replace(BODY, trainable=False)),
    "never frozen": in_phases(BODY),
    "unfrozen and updated by hand": in_phases(replace(THAWED, updated=True)),
    "nobody steps any more": in_phases(THAWED, later=0),
}


@pytest.mark.parametrize("run", SILENT.values(), ids=SILENT.keys())
def test_stays_quiet(run: Run) -> None:
    assert_silent(run, [check])


def test_says_what_was_seen() -> None:
    (found,) = findings(seen(BODY, replace(HEAD, since=1), replace(BIAS, since=3)), [check])
    assert found.message == (
        "2 of 3 trainable parameters of `Net` receive gradients but are in no optimizer: "
        "`head.weight`, `head.bias`. That is 40.0% of its trainable elements."
    )
    assert (found.place.line, found.place.step, found.place.subject) == (5, 3, "SGD")
    assert [(r.place.line, r.label) for r in found.related] == [(12, "`Net` is called here")]
    assert [e.value for e in found.evidence] == [40, 0.4]
    assert found.severity is Severity.ERROR


def both_step(*parameters: ParameterFact) -> Run:
    return run_of([[*TURN, OTHER_STEP]] * 5, optimizers=[SGD, ADAM], parameters=list(parameters))


HOLDERS = {
    "its own layer": ([replace(BIAS, optimizers=("Adam",)), BODY], "Adam"),
    "a layer beside it in the same part": (
        [
            replace(BODY, name="trunk.0.weight"),
            ParameterFact("heads.1.weight", "Net", 5, optimizers=("Adam",)),
            replace(HEAD, name="heads.2.weight"),
        ],
        "Adam",
    ),
    "a nearer layer beats a part": (
        [
            ParameterFact("heads.2.bias", "Net", 5, optimizers=("Adam",)),
            ParameterFact("heads.1.weight", "Net", 500, optimizers=("SGD",)),
            replace(HEAD, name="heads.2.weight"),
        ],
        "Adam",
    ),
    "a name that only begins alike is no relative": (
        [
            ParameterFact("head2.weight", "Net", 5, optimizers=("Adam",)),
            BODY,
        ],
        "SGD",
    ),
    "most elements of equally near ones": (
        [ParameterFact("neck.weight", "Net", 5, optimizers=("Adam",)), BODY],
        "SGD",
    ),
    "the nearest does not step": ([replace(BIAS, optimizers=("AdamW",)), BODY], "SGD"),
}


@pytest.mark.parametrize(("held", "holder"), HOLDERS.values(), ids=HOLDERS.keys())
def test_the_optimizer_that_holds_the_nearest_relatives_is_named(
    held: list[ParameterFact], holder: str
) -> None:
    missing = [] if any(not p.optimizers for p in held) else [HEAD]
    (found,) = findings(both_step(*held, *missing), [check])
    assert found.place.subject == holder
    assert found.place.line == {"SGD": 5, "Adam": 6}[holder]


def test_one_parameter_receives() -> None:
    (found,) = findings(seen(BODY, HEAD), [check])
    assert found.message == (
        "1 of 2 trainable parameters of `Net` receives gradients but is in no optimizer: `head.weight`. "
        "That is 33.3% of its trainable elements."
    )


def test_lists_four_names() -> None:
    heads = [replace(HEAD, name=f"heads.{i}.weight") for i in range(6)]
    (found,) = findings(seen(BODY, *heads), [check])
    assert "`heads.3.weight` and 2 more." in found.message


def test_a_tiny_part_is_a_warning() -> None:
    (found,) = findings(seen(replace(BODY, elements=100_000), replace(HEAD, elements=1)), [check])
    assert found.severity is Severity.WARNING


def test_says_why_it_does_not_apply() -> None:
    assert check.applies(run_of([TURN])) == "no optimizer was built"
    assert check.applies(run_of([[BATCH]], optimizers=[SGD])) == "no optimizer step was seen"


def test_says_what_was_unfrozen_for_nobody() -> None:
    (found,) = findings(in_phases(THAWED, replace(HEAD, optimizers=("Adam",))), [check])
    assert found.message == (
        "1 of 2 trainable parameters of `Net` was unfrozen and receives gradients, but `Adam` does not hold "
        "it, and `SGD` stopped stepping before: `body.weight`. That is 66.7% of its trainable elements."
    )
    assert (found.place.line, found.place.subject, found.severity) == (6, "Adam", Severity.ERROR)
