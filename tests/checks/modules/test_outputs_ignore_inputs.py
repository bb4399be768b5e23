"""The same outputs for all inputs, after some training."""

from dataclasses import replace

import pytest

from osler.checks.modules.outputs_ignore_inputs import check
from osler.engine.judge import judge_setup
from osler.model import Answer, IgnoredInputFact, Setup
from osler.testing import place

BLIND = IgnoredInputFact(model="Net", steps=5, samples=16, site=(place(9),))


def found(fact: object):
    return judge_setup(Setup((fact,), (Answer("exchange-all-inputs", ""),)), [check]).findings


def test_nothing_changes() -> None:
    (finding,) = found(BLIND)
    assert finding.message == (
        "After 5 steps `Net` gives the same 16 outputs bit for bit when every sample is exchanged for "
        "another."
    )


@pytest.mark.parametrize(
    "fact",
    [
        replace(BLIND, steps=0),  # a last layer may start at zero
        replace(BLIND, samples=1),
    ],
)
def test_is_silent(fact: IgnoredInputFact) -> None:
    assert found(fact) == ()
