"""What is said of a rate at which the loss does not fall; when it falls is asked by the experiment."""

from dataclasses import replace
from math import inf, nan

import pytest

from osler.checks.optimizer.learning_rate_too_high import check
from osler.engine.catalogue import catalogue
from osler.engine.fold import fold
from osler.engine.judge import judge_setup
from osler.model import Answer, Setup, Severity, TooHighRateFact
from osler.testing import place

FACT = TooHighRateFact(
    optimizer="SGD", rate=1.0, lower=0.01, batches=10, before=2.31, after=9.8, turns=200, lowered=1.1,
    lower_turns=40, site=(place(12),),
)  # fmt: skip


def found(*facts: object):
    return judge_setup(Setup(facts, (Answer("lower-the-learning-rate", ""),)), [check]).findings


def test_a_loss_that_rises() -> None:
    (finding,) = found(FACT)
    assert finding.message == (
        "At the learning rate 1 of `SGD` the loss of the first 10 batches went from 2.31 to 9.8 in 200 "
        "turns; at 0.01 it went from 2.31 to 1.1 in 40 turns."
    )
    assert (finding.severity, finding.place.line, finding.seen_by) == (Severity.WARNING, 12, ("setup",))
    (evidence,) = finding.evidence
    assert (evidence.measure, evidence.value, evidence.expected) == (
        "loss after 200 turns",
        9.8,
        "below 2.31",
    )


@pytest.mark.parametrize(("after", "told"), [(nan, "to nan in 9 turns"), (inf, "to inf in 9 turns")])
def test_a_loss_that_is_no_number(after: float, told: str) -> None:
    (finding,) = found(replace(FACT, after=after, turns=9))
    assert told in finding.message


def test_one_batch() -> None:
    (finding,) = found(replace(FACT, batches=1))
    assert "the loss of the first batch went" in finding.message


def test_other_facts_are_none_of_its_business() -> None:
    assert found() == ()
    assert judge_setup(Setup((FACT,)), [check]).checked == ()


@pytest.mark.parametrize(
    "symptom", ["cannot-overfit-one-batch", "loss-not-finite", "loss-diverges", "outputs-ignore-inputs"]
)
def test_what_it_brings_about_is_folded_under_it(symptom: str) -> None:
    effect = catalogue()[symptom].finding((place(3),), "What was seen.")
    (group,) = fold([effect, *found(FACT)], catalogue())
    assert group.cause.check == check.name
    assert (group.severity, group.cause.severity) == (effect.severity, Severity.WARNING)


def test_what_is_mild_does_not_make_it_worse() -> None:
    effect = catalogue()["no-better-than-baseline"].finding((place(3),), "What was seen.")
    (group,) = fold([effect, *found(FACT)], catalogue())
    assert group.severity is Severity.WARNING


def test_it_is_folded_under_its_causes() -> None:
    cause = catalogue()["gradients-not-cleared"].finding((place(3),), "What was seen.")
    (group,) = fold([*found(FACT), cause], catalogue())
    assert group.cause.check == "gradients-not-cleared"
