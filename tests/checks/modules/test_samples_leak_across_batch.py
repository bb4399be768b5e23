"""Other outputs changed with one sample, or they did not."""

from dataclasses import replace

import pytest

from osler.checks.modules.samples_leak_across_batch import check
from osler.engine.agreement import confirmed
from osler.engine.judge import judge_setup
from osler.model import Answer, Finding, Kind, MixingFact, SequenceAxisFact, Setup
from osler.testing import event, findings, place, run_of

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


STEP = event(Kind.STEP, "Adam", 15, "fresh")
LAYER = SequenceAxisFact(
    "Reader.lstm", "LSTM", "LSTM", "Reader", "DataLoader", 40, 16, 4, (place(8),), (place(5),),
    root_site=(place(12),),
)  # fmt: skip


def told(*facts: SequenceAxisFact) -> tuple[Finding, ...]:
    return findings(run_of([[STEP]] * 5, sequence_axes=list(facts)), [check])


def test_says_what_was_seen() -> None:
    (found,) = told(LAYER)
    assert found.message == (
        "`Reader.lstm` (LSTM), built with `batch_first=False`, takes the samples that `DataLoader` draws at "
        "random for steps in time: in all 4 batches looked at, the first axis of its input was as long as "
        "the batch, 40, and the second 16."
    )
    assert (found.place.line, found.place.subject) == (5, "Reader.lstm")
    assert [(r.place.line, r.label) for r in found.related] == [
        (8, "called here"),
        (12, "`Reader` is called here"),
    ]
    assert found.expected == "the output for a sample depends on that sample alone"
    assert found.why == (
        "The model learns from the company of a sample: its predictions change with the batch it is in."
    )
    assert found.fix == (
        "Build `Reader.lstm` with `batch_first=True`, or give it time first: time, batch, features."
    )


def test_batches_of_several_sizes() -> None:
    (found,) = told(replace(LAYER, sizes=2))
    assert "was as long as the batch, up to 40, and the second 16." in found.message


def test_names_what_takes_the_argument() -> None:
    kinds = {"kind": "TransformerEncoder", "builder": "TransformerEncoderLayer"}
    (found,) = told(replace(LAYER, name="Reader.body", **kinds))
    assert found.fix.startswith(
        "Build the `TransformerEncoderLayer` of `Reader.body` with `batch_first=True`"
    )


def test_layers_that_one_line_builds_are_one_finding() -> None:
    (found,) = told(LAYER, replace(LAYER, name="Reader.other"))
    assert found.message.endswith("and the second 16. So does `Reader.other`.")
    assert len(told(LAYER, replace(LAYER, name="Reader.other", built=(place(6),)))) == 2


def test_where_it_is_built_may_be_unknown() -> None:
    (found,) = told(replace(LAYER, built=(), root_site=(place(8),)))
    assert (found.place.line, found.related) == (8, ())


def test_a_run_and_an_experiment_are_told_once() -> None:
    run = run_of([[STEP]] * 5, sequence_axes=[LAYER])
    by_run, by_setup = findings(run, [check]), found(replace(MIXED, site=(place(12),)))
    (finding,) = confirmed(by_run, by_setup)
    assert (finding.place.line, finding.seen_by) == (5, ("setup", "run"))


def test_needs_a_step() -> None:
    assert check.applies(run_of()) == "no optimizer step was seen"
