"""Terms without a say and codes that cannot pay, and the small terms that are meant to be small."""

from dataclasses import replace

import pytest

from osler.checks.loss.loss_terms_unbalanced import check
from osler.engine.judge import judge_setup
from osler.model import Answer, CodePriceFact, Confidence, Finding, Setup, TermFact, TermsFact
from osler.testing import place

SMALL = TermFact(
    weight=1.0, whole=(0.0002, 0.0003), shared=(0.0002, 0.0003), value=1.35, guess=1.23, floor=0.0,
    site=(place(41),),
)  # fmt: skip
LARGE = TermFact(
    weight=1.0, whole=(0.9998, 0.9997), shared=(0.9998, 0.9997), value=7e6, guess=6e6, floor=0.0,
    site=(place(42),),
)  # fmt: skip
PRICE = CodePriceFact(
    gain=0.2194, price=0.32, turn=64, rising=True, elements=64, reconstruction=(place(41),), site=(place(45),)
)


def judged(*facts: object) -> tuple[Finding, ...]:
    return judge_setup(Setup(facts, (Answer("weigh-the-terms", ""),)), [check]).findings


def of_terms(*terms: TermFact, batches: int = 4) -> tuple[Finding, ...]:
    return judged(TermsFact(terms, turns=4, batches=batches, site=(place(44),)))


def test_a_term_without_a_say() -> None:
    (found,) = of_terms(SMALL, LARGE)
    assert found.place.line == 41
    assert found.confidence is Confidence.LIKELY
    assert found.message == (
        "In each of the first 4 turns the term of line 42 has at least 99.97% of the gradient of the "
        "parameters that the terms share, this one at most 0.03%, although it is at 1.35 "
        "where a guess gives 1.23."
    )
    assert found.fix == "Scale the targets of each term to standard deviation 1, or give the terms weights."


def test_lines_that_are_not_known() -> None:
    (found,) = of_terms(replace(SMALL, site=()), replace(LARGE, site=()))
    assert found.place.line == 44
    assert found.message.startswith("In each of the first 4 turns another term has at least 99.97%")


@pytest.mark.parametrize(
    ("small", "large"),
    [
        (replace(SMALL, weight=0.01), LARGE),
        (SMALL, replace(LARGE, weight=100.0)),
        (replace(SMALL, weight=0.0), replace(LARGE, weight=0.0)),
        (replace(SMALL, value=0.3), LARGE),
        (replace(SMALL, value=None, guess=None, floor=None), LARGE),
        (SMALL, replace(LARGE, value=None, guess=None, floor=None)),
        (replace(SMALL, shared=()), replace(LARGE, shared=())),
        (replace(SMALL, shared=(0.0002, 0.02)), replace(LARGE, shared=(0.9998, 0.98))),
    ],
    ids=[
        "weighed down",
        "weighed up",
        "nothing",
        "learned",
        "a penalty",
        "beside a penalty",
        "apart",
        "once",
    ],
)
def test_terms_that_may_be_small(small: TermFact, large: TermFact) -> None:
    assert of_terms(small, large) == ()


def test_one_batch_is_not_enough() -> None:
    assert of_terms(SMALL, LARGE, batches=1) == ()


def test_a_code_that_cannot_pay() -> None:
    (found,) = judged(PRICE)
    assert found.place.line == 45
    assert found.confidence is Confidence.CERTAIN
    assert found.message == (
        "The best code lowers the reconstruction of line 41, a mean over 64 elements of each sample, by 0.22 "
        "at most, and each nat of this divergence costs 0.32 in turn 64, and rising: a code of more than "
        "0.69 nats, less than one bit, cannot pay, and the decoder learns to ignore it."
    )
    assert found.fix == (
        "Add up the reconstruction over the elements of a sample, as the divergence is over the code, and "
        "average both over the samples; or give the divergence a weight below the gain."
    )


def test_a_weight_that_stands() -> None:
    (found,) = judged(replace(PRICE, price=1.0, rising=False, elements=1, reconstruction=()))
    assert found.confidence is Confidence.LIKELY
    assert found.message.startswith(
        "The best code lowers the reconstruction by 0.22 at most, and each nat of this divergence costs 1: a "
    )


@pytest.mark.parametrize("price", [0.31, 0.005, 0.0])
def test_a_code_that_may_pay(price: float) -> None:
    assert judged(replace(PRICE, price=price)) == ()


def test_is_silent_without_facts() -> None:
    assert judged() == ()
