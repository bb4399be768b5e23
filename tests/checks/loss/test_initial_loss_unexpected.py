"""A first loss above chance: told apart by what explains it."""

from dataclasses import replace

import pytest

from osler.checks.loss.initial_loss_unexpected import check
from osler.engine.judge import judge_setup
from osler.model import Answer, InitialLossFact, Setup, Severity
from osler.testing import place

LARGE = InitialLossFact(
    function="cross_entropy", value=9.4, chance=2.303, error=0.4, classes=10, rows=64, expected=9.1,
    scores=5.2, inputs=1.0, pretrained=False, weighted=False, site=(place(7),),
)  # fmt: skip


def found(*facts: object):
    return judge_setup(Setup(facts, (Answer("initial-loss", ""),)), [check]).findings


def test_a_last_layer_that_starts_large() -> None:
    (finding,) = found(LARGE)
    assert finding.severity is Severity.WARNING
    assert finding.message == (
        "Before the first step `cross_entropy` gives 9.4 for 64 predictions; a guess gives ln 10 = 2.3. "
        "The scores are large before anything was learned: standard deviation 5.2."
    )
    assert finding.fix.startswith("Make the last layer start small")


def test_inputs_that_are_far_too_large() -> None:
    (finding,) = found(replace(LARGE, inputs=255.0))
    assert finding.message.endswith("The scores are large because the inputs are: up to 255.")
    assert finding.fix.startswith("Scale the inputs")


def test_labels_that_do_not_fit() -> None:
    (finding,) = found(replace(LARGE, expected=2.4))
    assert finding.message.endswith("the labels or the loss do not fit the scores.")


@pytest.mark.parametrize(
    ("value", "expected", "severity"),
    [
        (2.853, 2.86, Severity.HINT),  # a small residual network as torch initialises it
        (4.6, 4.5, Severity.HINT),  # a deep one
        (4.9, 4.8, Severity.WARNING),
        (4.6, 2.4, Severity.WARNING),  # the scores are small: it is the labels
    ],
)
def test_scores_that_are_a_little_large_are_worth_a_hint(value, expected, severity) -> None:
    (finding,) = found(replace(LARGE, value=value, expected=expected, scores=1.06))
    assert finding.severity is severity


def test_only_the_first_is_told() -> None:
    assert len(found(LARGE, replace(LARGE, value=20.0))) == 1


@pytest.mark.parametrize(
    "fact",
    [
        replace(LARGE, value=2.31, expected=2.31),
        replace(LARGE, value=2.7, expected=2.7),  # within half a nat
        replace(LARGE, value=3.5, expected=2.5, error=0.3),  # an unlucky small batch
        replace(LARGE, value=0.4, expected=2.4),  # below chance: pretrained, or easy
        replace(LARGE, pretrained=True),
        replace(LARGE, weighted=True),
        replace(LARGE, function="mse_loss", classes=0),
    ],
)
def test_is_silent(fact: InitialLossFact) -> None:
    assert found(fact) == ()
