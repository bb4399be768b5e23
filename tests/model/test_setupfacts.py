"""What the facts of experiments compute from their own numbers."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osler.model.setupfacts import DescentFact
from osler.testing import place


def descent(*against: float) -> DescentFact:
    return DescentFact("mse_loss", 1.0, 2.0, 1.9, against, (), 1.0, labelled=True, site=(place(14),))


@pytest.mark.parametrize(
    ("against", "limit"),
    [
        ((1.0, 1.0, 1.0), 1.0),
        ((0.7, 0.9, 0.9667), 1.0),
        ((1.3, 1.1, 1.0333), 1.0),
        ((-1.0, -1.0, -1.0), -1.0),
        ((0.0, 0.0, 0.0), 0.0),
        ((9.0, 0.5, 0.5), 0.5),
    ],
    ids=["straight", "bent upwards", "bent downwards", "uphill", "flat", "only the smallest two count"],
)
def test_what_ever_smaller_steps_tend_to(against: tuple[float, ...], limit: float) -> None:
    assert descent(*against).limit == pytest.approx(limit, abs=1e-3)


finite = st.floats(-100, 100)


@given(finite, finite, st.floats(1e-3, 1))
@settings(max_examples=50, deadline=None)
def test_a_parabola_is_followed_to_its_very_slope(slope: float, bend: float, step: float) -> None:
    """Each step is a third of the one before: two of them tell the slope of any parabola."""
    falls = [slope + bend * step / 3**n for n in range(3)]
    assert descent(*falls).limit == pytest.approx(slope, abs=1e-9 * (1 + abs(slope) + abs(bend)))


def test_a_loss_that_is_no_number_has_no_slope() -> None:
    assert math.isnan(descent(1.0, math.nan, 1.0).limit)
