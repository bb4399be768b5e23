"""Earlier outputs changed with later tokens, or they did not."""

from dataclasses import replace

import pytest

from osler.checks.loss.targets_visible_in_inputs import check
from osler.engine.judge import judge_setup
from osler.model import Answer, FutureFact, Setup
from osler.testing import place

SEEN = FutureFact(model="GPT", length=32, position=16, changed=16, difference=0.4, site=(place(9),))


def found(fact: object):
    return judge_setup(Setup((fact,), (Answer("exchange-the-future", ""),)), [check]).findings


def test_the_past_changes() -> None:
    (finding,) = found(SEEN)
    assert finding.message == (
        "The labels are the next tokens, but exchanging the tokens from position 16 on changes the outputs "
        "of `GPT` at 16 of the 16 positions before, by 0.4 of the largest output."
    )


@pytest.mark.parametrize("fact", [replace(SEEN, changed=0, difference=0.0), replace(SEEN, difference=5e-4)])
def test_is_silent(fact: FutureFact) -> None:
    assert found(fact) == ()
