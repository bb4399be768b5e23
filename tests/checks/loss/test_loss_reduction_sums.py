"""Twice the loss for two copies, and an optimizer that does not make up for it."""

from dataclasses import replace

import pytest

from osler.checks.loss.loss_reduction_sums import check
from osler.engine.judge import judge_setup
from osler.model import Answer, CopiesFact, Setup, Severity
from osler.testing import place

SUM = CopiesFact(once=36.8, twice=73.6, samples=16, optimizer="SGD", site=(place(9),))


def found(fact: object):
    return judge_setup(Setup((fact,), (Answer("double-the-batch", ""),)), [check]).findings


def test_a_sum() -> None:
    (finding,) = found(SUM)
    assert finding.message == (
        "The loss of 16 samples is 36.8, that of two copies of them 73.6: the steps of `SGD` grow with the "
        "batch."
    )
    assert finding.severity is Severity.HINT
    assert finding.place.line == 9


def test_a_negative_sum() -> None:
    assert len(found(replace(SUM, once=-3.0, twice=-6.0))) == 1


@pytest.mark.parametrize(
    "fact",
    [
        replace(SUM, twice=36.8),  # a mean
        replace(SUM, twice=39.5),  # contrastive: more negatives
        replace(SUM, twice=70.0),  # a sum beside a term that does not grow
        replace(SUM, optimizer=""),  # Adam
        replace(SUM, once=0.0, twice=0.0),
    ],
)
def test_is_silent(fact: CopiesFact) -> None:
    assert found(fact) == ()
