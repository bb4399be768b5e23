"""Other outputs changed with one sample, or they did not."""

from dataclasses import replace

import pytest

from osler.checks.modules.samples_leak_across_batch import check
from osler.engine.judge import judge_setup
from osler.model import Answer, MixingFact, Setup
from osler.testing import place

MIXED = MixingFact(model="Net", samples=16, exchanged=2, changed=11, difference=0.13, site=(place(9),))


def found(fact: object):
    return judge_setup(Setup((fact,), (Answer("exchange-one-sample", ""),)), [check]).findings


def test_others_change() -> None:
    (finding,) = found(MIXED)
    assert finding.message == (
        "Exchanging one of 16 samples changes the outputs of `Net` for at least 11 others, by 0.13 of the "
        "largest output, in evaluation mode."
    )
    assert finding.place.subject == "Net"


@pytest.mark.parametrize(
    "fact",
    [
        replace(MIXED, changed=0, difference=0.0),
        replace(MIXED, difference=2e-5),  # rounding in another order
        replace(MIXED, exchanged=1),
    ],
)
def test_is_silent(fact: MixingFact) -> None:
    assert found(fact) == ()
