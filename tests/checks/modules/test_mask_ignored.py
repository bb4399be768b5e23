"""A mask that changes nothing, and padding that reaches real positions."""

from dataclasses import replace

import pytest

from osler.checks.modules.mask_ignored import check
from osler.engine.judge import judge_setup
from osler.model import Answer, IgnoredMaskFact, LeakyPaddingFact, Setup, Severity
from osler.testing import place

IGNORED = IgnoredMaskFact(model="Reader", name="mask", steps=5, site=(place(9),))
LEAK = LeakyPaddingFact(
    model="Reader",
    changed=120,
    real=130,
    difference=0.31,
    masked=True,
    unit="real positions",
    site=(place(9),),
)


def found(*facts: object):
    return judge_setup(Setup(facts, (Answer("exchange-the-mask", ""),)), [check]).findings


def test_a_mask_that_changes_nothing() -> None:
    (finding,) = found(IGNORED, LEAK)
    assert finding.message == (
        "After 5 steps `Reader` gives the same output bit for bit whatever `mask` it is given."
    )
    assert finding.severity is Severity.ERROR


def test_padding_that_leaks_past_a_mask() -> None:
    (finding,) = found(LEAK)
    assert finding.message == (
        "Another vector in the place of padding changes the outputs of `Reader` for 120 of 130 real "
        "positions, by up to 0.31 of the largest, although attention is given a mask."
    )
    assert finding.severity is Severity.ERROR


def test_without_any_mask_it_is_a_hint() -> None:
    (finding,) = found(replace(LEAK, masked=False))
    assert finding.message.endswith("and no attention layer is given a mask.")
    assert finding.severity is Severity.HINT


def test_an_inverted_mask() -> None:
    (finding,) = found(replace(LEAK, inverted=True))
    assert finding.message == (
        "The key padding mask that attention is given in `Reader` is inverted: it leaves out every real "
        "position and keeps the padding; another vector in the place of padding changes the outputs for 120 "
        "of 130 real positions, by up to 0.31 of the largest."
    )
    assert finding.expected == "the mask is True at padding: True means that a position is left out"
    assert finding.fix == "Invert the mask where it is passed on: `src_key_padding_mask=~mask`."
    assert finding.severity is Severity.ERROR


def test_an_inverted_mask_that_leaves_nothing() -> None:
    nothing = replace(LEAK, changed=3, real=16, unit="samples", difference=float("nan"), inverted=True)
    (finding,) = found(nothing)
    assert finding.message.endswith("and keeps the padding; the outputs for 3 of 16 samples are not finite.")


@pytest.mark.parametrize(
    "fact",
    [replace(IGNORED, steps=0), replace(LEAK, changed=0, difference=0.0), replace(LEAK, difference=5e-4)],
)
def test_is_silent(fact: object) -> None:
    assert found(fact) == ()
