"""Which target is missed by most."""

import math

import pytest

from osler.model import LabelRowsFact, ReachFact
from osler.testing import place

SITE = (place(12),)


@pytest.mark.parametrize(
    ("low", "high", "lowest", "highest", "farthest"),
    [
        (0, 1, -0.8, 1.9, 1.9),
        (0, 1, -0.8, 1.7, -0.8),
        (0, 1, 0.5, 255, 255),
        (-1, 1, -3, 3, -3),
        (0, math.inf, -0.1, 1e9, -0.1),
        (0, 1, 0.2, 0.9, 0.9),
    ],
)
def test_the_farthest_target(low: float, high: float, lowest: float, highest: float, farthest: float) -> None:
    fact = ReachFact("mse_loss", SITE, low=low, high=high, lowest=lowest, highest=highest)
    assert fact.farthest == farthest


def test_class_ids_are_no_rows() -> None:
    fact = LabelRowsFact("cross_entropy", SITE, classes=4)
    assert (fact.rows, fact.several, fact.most, fact.of_layer, fact.entered) == (0, 0, 0, False, False)
