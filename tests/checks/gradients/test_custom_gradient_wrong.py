"""A backward that is not the slope of its forward."""

from dataclasses import replace

from osler.checks.gradients.custom_gradient_wrong import check
from osler.engine.judge import judge_setup
from osler.model import Answer, CustomGradientFact, Setup, Severity
from osler.testing import place

SEEN = CustomGradientFact(function="Square", wrong=16, tried=16, worst=0.5, site=(place(12),))


def found(*facts: object):
    return judge_setup(Setup(facts, (Answer("differentiate-by-hand", ""),)), [check]).findings


def test_another_slope() -> None:
    (finding,) = found(SEEN)
    assert finding.message == (
        "The gradient of `Square` differs from the slope of its forward at 16 of 16 entries where it is "
        "smooth, by up to 50%."
    )
    assert (finding.severity, finding.place.line) == (Severity.WARNING, 12)


def test_is_silent() -> None:
    assert found(replace(SEEN, wrong=0)) == ()
    assert found() == ()
