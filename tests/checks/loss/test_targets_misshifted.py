"""Labels that are the tokens themselves, or two later."""

from dataclasses import replace

from osler.checks.loss.targets_misshifted import check
from osler.engine.judge import judge_setup
from osler.model import Answer, Setup, ShiftFact
from osler.testing import place

SAME = ShiftFact(model="GPT", shift=0, share=1.0, labels=512, following=0.06, site=(place(9),))


def found(*facts: object):
    return judge_setup(Setup(facts, (Answer("compare-labels-with-tokens", ""),)), [check]).findings


def test_labels_are_not_shifted() -> None:
    (finding,) = found(SAME)
    assert finding.message == (
        "100% of 512 labels of `GPT` are the very tokens at which they are predicted, 6% the next ones, and "
        "the model sees no later token."
    )
    assert finding.fix == check.fix


def test_labels_are_shifted_twice() -> None:
    (finding,) = found(replace(SAME, shift=2))
    assert finding.message.startswith("100% of 512 labels of `GPT` are two tokens later, 6% the next ones")
    assert finding.fix == "Shift the labels once: in the data, in the model, or in the loss."


def test_is_silent_without_the_fact() -> None:
    assert found() == ()
