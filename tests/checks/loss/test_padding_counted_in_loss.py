"""Padding that moves the loss: an error, or a hint where it is little or tells the end."""

from dataclasses import replace

import pytest

from osler.checks.loss.padding_counted_in_loss import check
from osler.engine.judge import judge_setup
from osler.model import Answer, PaddingFact, Setup, Severity
from osler.testing import place, read

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


READ = """
def filled_up(texts):
    tags = nn.utils.rnn.pad_sequence([t % 4 for t in texts], batch_first=True, padding_value={value})
    return nn.utils.rnn.pad_sequence(texts, batch_first=True), tags


tagger = nn.Sequential(nn.Embedding(20, 16), nn.Linear(16, 4))
optimizer = torch.optim.SGD(tagger.parameters(), lr=0.05)
for x, y in DataLoader([torch.ones(n).long() for n in range(2, 9)], 4, collate_fn=filled_up):
    optimizer.zero_grad()
    loss_fn(tagger(x).transpose(1, 2), y).backward()
    optimizer.step()
"""


def test_says_what_was_read() -> None:
    (found,) = read(READ.format(value=3), [check]).findings
    assert found.message == (
        "`cross_entropy` counts every position of `y`, which `pad_sequence` has filled up with 3."
    )
    assert (found.severity, found.place.line) == (Severity.WARNING, 43)
    assert [(r.place.line, r.label) for r in found.related] == [(35, "sequences are filled up here")]


def test_is_read_in_silence_where_the_loss_ignores_it() -> None:
    assert read(READ.format(value=-100), [check]).findings == ()
