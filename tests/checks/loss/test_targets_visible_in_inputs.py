"""Earlier outputs changed with later tokens, or they did not."""

from dataclasses import replace

import pytest

from osler.checks.loss.targets_visible_in_inputs import check
from osler.engine.judge import judge_setup
from osler.model import Answer, FutureFact, LabelFeatureFact, Setup, Severity, WindowFact
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


COLUMN = LabelFeatureFact("Net", "column", (4,), 9, 160, 3, 0.25, (place(9),))


def test_a_column_is_the_label() -> None:
    (finding,) = found(COLUMN)
    assert finding.message == (
        "Column `4` of the 9 in the inputs, counted from 0, tells the class of each of 160 samples, without "
        "exception, among 3 classes; exchanging it changes the outputs of `Net` by 0.25 of the largest."
    )
    assert finding.fix == "Leave that column out of the inputs."
    assert finding.severity is Severity.ERROR


def test_columns_are_the_label() -> None:
    (finding,) = found(replace(COLUMN, places=(2, 3, 4)))
    assert finding.message.startswith(
        "Columns `2`, `3`, `4` of the 9 in the inputs, counted from 0, tell the"
    )
    assert "exchanging them" in finding.message
    assert finding.fix == "Leave those columns out of the inputs."


def test_a_channel_is_the_target() -> None:
    (finding,) = found(replace(COLUMN, part="channel", classes=0))
    assert finding.message.startswith(
        "Channel `4` of the 9 in the inputs, counted from 0, tells the target of each of 160 samples: it is "
        "that times a number, plus a number; exchanging it changes"
    )
    assert finding.severity is Severity.WARNING


WINDOW = WindowFact("Forecaster", 1, 36, -1, True, 1, 640, 0.21, (place(9),))


def test_the_last_step_is_the_target() -> None:
    (finding,) = found(WINDOW)
    assert finding.message == (
        "The last of the 36 steps in the inputs is the target of each of 640 samples; exchanging it "
        "changes what `Forecaster` says of the target by 0.21 of the largest output."
    )
    assert finding.fix == "Begin the targets 1 step later, or end the inputs 1 step earlier."
    assert finding.severity is Severity.WARNING


def test_the_last_step_is_the_first_target() -> None:
    (finding,) = found(replace(WINDOW, targets=12, feature=2))
    assert finding.message.startswith(
        "The last of the 36 steps of feature `2`, counted from 0, in the inputs is the first of 12 targets "
        "of each of 640 samples; exchanging it changes what `Forecaster` says of the first target by"
    )


def test_the_last_steps_are_targets() -> None:
    (finding,) = found(replace(WINDOW, steps=3, targets=12, exact=False))
    assert finding.message.startswith(
        "The last 3 of the 36 steps in the inputs are the first 3 of 12 targets of each of 640 samples, "
        "times a number, plus a number; exchanging them"
    )
    assert finding.fix == "Begin the targets 3 steps later, or end the inputs 3 steps earlier."
