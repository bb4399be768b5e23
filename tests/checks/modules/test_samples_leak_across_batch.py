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
        "Exchanging one of 16 samples changes the outputs of `Net` for at least 11 others, by up to 0.13 of "
        "the largest output, in evaluation mode."
    )
    assert finding.place.subject == "Net"


def test_a_recurrent_layer_takes_the_samples_for_time() -> None:
    (finding,) = found(replace(MIXED, layer="lstm", kind="LSTM", reads="time first"))
    assert finding.message.endswith(
        "in evaluation mode. They meet in `lstm` (LSTM), built with `batch_first=False`: it takes the axis "
        "of the samples for time."
    )
    assert finding.fix == (
        "Build `lstm` with `batch_first=True`, or give it time first: time, batch, features."
    )


def test_a_recurrent_layer_takes_the_batch_for_one_sequence() -> None:
    (finding,) = found(replace(MIXED, layer="gru", kind="GRU", reads="one sequence"))
    assert finding.message.endswith(
        "They meet in `gru` (GRU), given two axes: it takes the samples for the steps of one sequence."
    )
    assert finding.fix == "Give `gru` three axes, one of them for time: batch, time, features."


def test_another_layer_is_named() -> None:
    (finding,) = found(replace(MIXED, layer="router.norm", kind="Softmax"))
    assert finding.message.endswith("in evaluation mode. They meet in `router.norm` (Softmax).")
    assert finding.fix == check.fix


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
