from dataclasses import replace

import pytest

from osler.checks.modules.dropout_kind_mismatched import check
from osler.engine.judge import judge_setup
from osler.model import Answer, Finding, HandoverFact, PartFact, PartsFact, Setup
from osler.testing import place, read

CODE = """
nn.Sequential(nn.Linear(8, 32), nn.Dropout2d(0.5))
"""


def test_says_what_was_seen() -> None:
    assert [f.message for f in read(CODE, [check]).findings] == [
        "`Dropout2d` follows `Linear`, which gives vectors, not feature maps.",
    ]


def test_is_silent_without_training() -> None:
    assert not read("print(model)", [check]).findings


DROP = PartFact("drop", "Dropout2d", (16, 32), (16, 32), rate=0.5, site=(place(21),), built=(place(6),))
FC = PartFact("fc", "Linear", (16, 8), (16, 32), site=(place(20),), built=(place(5),))


def in_setup(drop: PartFact, *givers: PartFact) -> list[Finding]:
    handovers = tuple(HandoverFact(giver, drop, True) for giver in givers)
    fact = PartsFact("Net", (*givers, drop), handovers, False)
    return list(judge_setup(Setup((fact,), (Answer("follow-the-layers", ""),)), [check]).findings)


def test_says_what_ran() -> None:
    (found,) = in_setup(DROP, FC)
    assert found.message == ("`drop` is a Dropout2d and is given 16 vectors of 32 numbers, not feature maps.")
    assert found.place.line == 6
    assert [(r.place.line, r.label) for r in found.related] == [(5, "the vectors come from here")]
    assert in_setup(replace(DROP, built=()))[0].place.line == 21


@pytest.mark.parametrize(
    "drop",
    [
        replace(DROP, kind="Dropout"),
        replace(DROP, kind="AlphaDropout"),
        replace(DROP, inputs=(16, 32, 7, 7)),
        replace(DROP, inputs=(16, 32, 7)),
        replace(DROP, inputs=()),
        replace(DROP, rate=0.0),
    ],
    ids=["of numbers", "of another kind", "maps", "sequences", "unknown", "that drops nothing"],
)
def test_what_runs_is_no_problem(drop: PartFact) -> None:
    assert in_setup(drop, FC) == []
