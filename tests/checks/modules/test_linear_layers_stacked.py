from dataclasses import replace

import pytest

from osler.checks.modules.linear_layers_stacked import check
from osler.engine.judge import judge_setup
from osler.model import Answer, Finding, HandoverFact, PartFact, PartsFact, Setup
from osler.testing import place, read

CODE = """
nn.Sequential(nn.Linear(8, 32), nn.Linear(32, 4))
"""


def test_says_what_was_seen() -> None:
    assert [f.message for f in read(CODE, [check]).findings] == [
        "two linear layers follow each other: 8 to 32 to 4 features without an activation.",
    ]


def test_is_silent_without_training() -> None:
    assert not read("print(model)", [check]).findings


ONE = PartFact("fc1", "Linear", (16, 8), (16, 32), site=(place(20),), built=(place(5),))
TWO = PartFact("fc2", "Linear", (16, 32), (16, 4), site=(place(21),), built=(place(6),))


def in_setup(one: PartFact, two: PartFact, *, alone: bool = True, pretrained: bool = False) -> list[Finding]:
    fact = PartsFact("Net", (one, two), (HandoverFact(one, two, alone),), pretrained)
    return list(judge_setup(Setup((fact,), (Answer("follow-the-layers", ""),)), [check]).findings)


def test_says_what_ran() -> None:
    (found,) = in_setup(ONE, TWO)
    assert found.message == (
        "the output of `fc1` goes straight into `fc2`: 8 to 32 to 4 features without an activation."
    )
    assert (found.place.line, found.place.subject) == (6, "fc2")
    assert [(r.place.line, r.label) for r in found.related] == [(5, "the first of them")]


def test_where_it_is_built_is_not_known_the_call_is_the_place() -> None:
    (found,) = in_setup(replace(ONE, built=()), replace(TWO, built=()))
    assert (found.place.line, found.related[0].place.line) == (21, 20)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (replace(ONE, outputs=(16, 2)), replace(TWO, inputs=(16, 2))),
        (replace(ONE, kind="Conv2d"), TWO),
        (ONE, replace(TWO, kind="Bilinear")),
        (replace(ONE, is_free=False), TWO),
        (ONE, replace(TWO, is_free=False)),
        (replace(ONE, calls=3), TWO),
        (ONE, replace(TWO, calls=2)),
        (ONE, replace(TWO, outputs=())),
    ],
    ids=["bottleneck", "convolution", "bilinear", "frozen", "frozen head", "recurrent", "twice", "list"],
)
def test_what_runs_is_no_problem(one: PartFact, two: PartFact) -> None:
    assert in_setup(one, two) == []


def test_features_that_are_used_and_weights_that_are_loaded() -> None:
    assert in_setup(ONE, TWO, alone=False) == []
    assert in_setup(ONE, TWO, pretrained=True) == []
