"""Losses that cannot measure what is to be learned, as experiments see them."""

from osler.checks.loss.loss_unsuited_to_task import check
from osler.engine.judge import judge_setup
from osler.model import Answer, Setup, UnsuitedLossFact
from osler.testing import place


def tried(*facts: object):
    return judge_setup(Setup(facts, (Answer("fit-the-loss", ""),)), [check]).findings


def test_class_ids_as_amounts() -> None:
    (found,) = tried(UnsuitedLossFact(function="mse_loss", columns=4, classes=4, site=(place(8),)))
    assert found.message == (
        "`mse_loss` compares 4 outputs with the number of the class, 0 to 3: class 3 counts as 3 times "
        "class 1."
    )
    assert found.fix == "Use `cross_entropy` with the class ids as they are."


def test_one_column() -> None:
    (found,) = tried(UnsuitedLossFact(function="cross_entropy", columns=1, classes=0, site=(place(8),)))
    assert found.message == (
        "`cross_entropy` compares one column: whatever the model says, the loss is the same."
    )
    assert found.fix == check.fix


def test_is_silent_without_the_fact() -> None:
    assert tried() == ()
