"""Padding that moves the loss: an error, or a hint where it is little or tells the end."""

from dataclasses import replace

import pytest

from osler.checks.loss.padding_counted_in_loss import check
from osler.engine.judge import judge_setup
from osler.model import Answer, PaddingFact, Setup, Severity
from osler.testing import place

SEEN = PaddingFact(
    function="cross_entropy", id=0, said_by="`padding_idx` of `embedding`", padded=412, positions=960,
    before=2.31, after=2.74, ended=True, site=(place(7),),
)  # fmt: skip


def found(*facts: object):
    return judge_setup(Setup(facts, (Answer("change-the-padding", ""),)), [check]).findings


def test_padding_is_counted() -> None:
    (finding,) = found(SEEN)
    assert finding.message == (
        "412 of the 960 positions that `cross_entropy` counts are padding (id 0, by `padding_idx` of "
        "`embedding`): other scores there change the loss from 2.31 to 2.74."
    )
    assert finding.severity is Severity.ERROR


@pytest.mark.parametrize("fact", [replace(SEEN, ended=False), replace(SEEN, padded=9)])
def test_is_a_hint(fact: PaddingFact) -> None:
    (finding,) = found(fact)
    assert finding.severity is Severity.HINT


def test_is_silent_without_the_fact() -> None:
    assert found() == ()
