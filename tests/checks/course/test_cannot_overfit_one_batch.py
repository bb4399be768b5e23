"""Stuck is what neither falls nor hits; slow, floored and half-learned are not."""

from dataclasses import replace

import pytest

from osler.checks.course.cannot_overfit_one_batch import check
from osler.engine.judge import judge_setup
from osler.model import Answer, Confidence, OverfitFact, Setup, Severity
from osler.testing import place

STUCK = OverfitFact(
    samples=64, first=2.303, best=2.301, floor=0.0, accuracy=0.14, majority=0.14, steps=200,
    rates=(1.0, 1 / 3, 3.0), falling=False, site=(place(12),),
)  # fmt: skip


def found(*facts: object):
    return judge_setup(Setup(facts, (Answer("overfit-one-batch", ""),)), [check]).findings


def test_a_loss_that_stays() -> None:
    (finding,) = found(STUCK)
    assert finding.message == (
        "64 samples, repeated in 200 turns, were not memorised at any of three learning rates: "
        "the loss went from 2.303 to 2.301, the best accuracy was 14%."
    )
    assert (finding.severity, finding.confidence) == (Severity.ERROR, Confidence.CERTAIN)
    assert finding.place.line == 12
    assert finding.seen_by == ("setup",)


def test_a_loss_that_moves_a_little_is_less_certain() -> None:
    (finding,) = found(replace(STUCK, best=1.6))
    assert finding.confidence is Confidence.LIKELY


def test_numbers_instead_of_classes() -> None:
    (finding,) = found(replace(STUCK, accuracy=None, majority=None, samples=0, rates=(1.0,)))
    assert finding.message == (
        "One batch, repeated in 200 turns, was not memorised at the learning rate of the script: "
        "the loss went from 2.303 to 2.301."
    )


def test_the_worse_of_two_is_told() -> None:
    (finding,) = found(replace(STUCK, best=1.5), STUCK)
    assert finding.evidence[0].value == STUCK.best


@pytest.mark.parametrize(
    "fact",
    [
        replace(STUCK, best=0.01, accuracy=1.0),
        replace(STUCK, best=1.1),  # half of the way is learning
        replace(STUCK, falling=True),  # slow
        replace(STUCK, best=1.4, accuracy=0.9),  # right, but not yet sure of it
        replace(STUCK, floor=2.25),  # equal inputs, different labels
        replace(STUCK, floor=2.3, first=2.3, best=2.3),  # nothing to learn
        replace(STUCK, accuracy=None, majority=None, best=0.9),
    ],
)
def test_is_silent(fact: OverfitFact) -> None:
    assert found(fact) == ()


def test_nothing_asked() -> None:
    assert judge_setup(Setup((STUCK,)), [check]).checked == ()
